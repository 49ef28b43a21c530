// The live feed: one whole picture, then numbered changes. Tells a reader what it has and whether
// it can be trusted. Knows nothing of the page.

const SILENCE_MS = 6000; // three heartbeats
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10000;

export class Feed {
  // reader: { picture(snapshot), change(set, gone), up(), lost(since) }
  constructor(url, reader) {
    this.url = url;
    this.reader = reader;
    this.seq = 0;
    this.version = "";
    this.retry = FIRST_RETRY_MS;
    this.clock = { server: Date.now(), here: performance.now() };
    this.heard = performance.now();
    this.isUp = false;
    this.everUp = false;
    setInterval(() => this.watch(), 1000);
  }

  // The server's time: its last word plus what has passed here since, whatever this machine's clock says.
  now() {
    return this.clock.server + (performance.now() - this.clock.here);
  }

  setClock(now) {
    this.clock = { server: now, here: performance.now() };
    this.heard = performance.now();
  }

  connect() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.started = performance.now();
    socket.onmessage = (event) => this.socket === socket && this.take(JSON.parse(event.data));
    socket.onclose = () => this.socket === socket && this.lose();
  }

  take(message) {
    this.setClock(message.now);
    if (message.snapshot) {
      this.begin(message);
    } else if (message.set) {
      if (message.seq !== this.seq + 1) return this.lose(); // a gap: only a fresh picture can be trusted
      this.seq = message.seq;
      this.reader.change(message.set, message.gone);
    } else if (message.seq !== this.seq) {
      this.lose();
    }
  }

  begin(message) {
    if (this.version && message.version !== this.version) location.reload(); // the daemon was upgraded
    this.version = message.version;
    this.seq = message.seq;
    this.retry = FIRST_RETRY_MS;
    this.isUp = this.everUp = true;
    this.reader.picture(message.snapshot);
    this.reader.up();
  }

  lose() {
    const socket = this.socket;
    this.socket = null;
    if (socket) socket.close();
    this.isUp = false;
    this.reader.lost(this.now() - (performance.now() - this.heard));
    const wait = this.retry * (0.75 + Math.random() / 2); // boards that lost one daemon do not return as one
    this.retry = Math.min(this.retry * 2, LAST_RETRY_MS);
    setTimeout(() => this.connect(), wait);
  }

  watch() {
    if (this.socket && performance.now() - Math.max(this.heard, this.started) > SILENCE_MS) this.lose();
  }
}
