wc -l {{upstream.get}} > {{prodct}}
