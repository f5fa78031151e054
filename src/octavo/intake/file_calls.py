"""The names of functions that read and write files."""

from __future__ import annotations

import re

#: Names of methods and functions that read the file of their first argument, beside ``read_*`` and ``scan_*``.
READERS = frozenset(
    (
        *("load", "loadtxt", "genfromtxt", "fromfile", "loadmat", "imread", "open_dataset", "open_dataarray"),
        *("open_mfdataset", "load_workbook", "from_file", "read", "listdir", "scandir", "walk", "load_model"),
        *("load_npz", "ImageFolder", "read_text", "read_bytes", "iterdir", "ParquetFile"),
        *("Image", "SVG", "Video", "Audio", "unpack_archive", "load_from_disk", "open_zarr"),
    )
)
#: The same for writing, beside ``to_*``, ``write_*`` and ``save*``.
WRITERS = frozenset(
    (
        *("savefig", "save", "savetxt", "savez", "savez_compressed", "savemat", "save_npz", "save_model"),
        *("imsave", "imwrite", "tofile", "write_text", "write_bytes", "ExcelWriter", "save_weights"),
        *("PdfPages", "VideoWriter"),
        *("save_pretrained", "save_to_disk", "export_graphviz_file", "plot_to_file"),
    )
)
#: The argument of these is a path, even if it is a plain name: ``to_parquet("lake")``.
SURELY_PATHS = frozenset(
    (
        *("open", "to_csv", "to_parquet", "to_pickle", "to_zarr", "save_to_disk", "savetxt", "savez"),
        *("savez_compressed", "read_csv", "read_parquet", "read_pickle", "open_zarr", "load_from_disk"),
        *("scan_csv", "scan_parquet", "write_to_dataset", "write_csv", "write_parquet", "extractall"),
        *("unpack_archive", "listdir", "scandir", "copytree", "make_archive"),
    )
)
#: What numpy appends to a name that lacks it.
ENDINGS = {"save": ".npy", "savez": ".npz", "savez_compressed": ".npz"}
SQL_CHANGES = re.compile(r"\b(?:create|insert|update|delete|drop|alter|replace)\b", re.IGNORECASE)
SQL_ASKS = re.compile(r"\bselect\b", re.IGNORECASE)
#: Of these, the second argument is the path: ``joblib.dump(model, "model.joblib")``.
SECOND = frozenset(("dump", "write_table", "save_npz", "imsave_array"))
MODULES_WITH_THE_PATH_SECOND = frozenset(("torch", "joblib", "tf"))
#: Arguments that name the path, by keyword.
KEYWORDS = frozenset(
    (
        *("path", "filepath", "filepath_or_buffer", "path_or_buf", "path_or_buffer", "fname", "filename"),
        *("file", "fp", "excel_writer", "io", "source", "where", "buf", "path_or_url", "out", "f"),
    )
)
#: ``to_*`` that make no file.
NO_FILE = frozenset(
    (
        *(
            "to_datetime",
            "to_numeric",
            "to_timedelta",
            "to_numpy",
            "to_dict",
            "to_list",
            "to_frame",
            "to_sql",
        ),
        *(
            "to_period",
            "to_timestamp",
            "to_pydatetime",
            "to_string",
            "to_records",
            "to_clipboard",
            "to_device",
        ),
        *("to_categorical", "to_pandas", "to_dense", "to_sparse", "to_crs", "to_rgb", "to_rgba", "to_series"),
    )
)
