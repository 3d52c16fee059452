// Measures from a key or click to the frame that shows its effect. Read with
// performance.getEntriesByType("measure"); the desk's browser tests do.

let started = 0;

export function from(event: Event): void {
  started = event.timeStamp;
}

/** Call when the document has been changed: the measure ends after the next frame was painted. */
export function painted(what: string, detail: Record<string, unknown> = {}): void {
  const start = started || performance.now();
  started = 0;
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => performance.measure(`parley:${what}`, { start, end: performance.now(), detail });
    channel.port2.postMessage(0);
  });
}

export function watchInput(): void {
  for (const kind of ["keydown", "click", "submit"]) document.addEventListener(kind, from, { capture: true });
}
