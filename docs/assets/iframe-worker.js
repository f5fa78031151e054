// The search of the site runs in a worker. Browsers refuse one to a page that was opened from the disk, so there a
// hidden frame does its work. Nothing is loaded from the network.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inner = frame.contentWindow;
      const answer = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      // in a worker these two need no window
      inner.postMessage = answer;
      inner.importScripts = (...urls) => urls.reduce((before, one) => before.then(() => load(one)), Promise.resolve());
      const base = new URL(url, location);
      const load = (one) =>
        new Promise((done, failed) => {
          const script = inner.document.createElement("script");
          script.src = new URL(one, base);
          script.onload = done;
          script.onerror = failed;
          inner.document.head.append(script);
        });
      this.ready = load(base);
      this.send = (data) => inner.dispatchEvent(new MessageEvent("message", { data }));
      this.end = () => frame.remove();
    }

    postMessage(data) {
      this.ready.then(() => this.send(data));
    }

    terminate() {
      this.end();
    }
  };
}
