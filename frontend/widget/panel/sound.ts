// Two soft notes, made on the spot. Browsers allow them only after the visitor has touched the panel.

let box: AudioContext | undefined;

export function chime() {
  if (!navigator.userActivation?.hasBeenActive) return;
  box ??= new AudioContext();
  note(box, 660, 0);
  note(box, 880, 0.12);
}

function note(context: AudioContext, pitch: number, after: number) {
  const start = context.currentTime + after;
  const tone = context.createOscillator();
  const loudness = context.createGain();
  tone.frequency.value = pitch;
  loudness.gain.setValueAtTime(0, start);
  loudness.gain.linearRampToValueAtTime(0.06, start + 0.01);
  loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.35);
  tone.connect(loudness).connect(context.destination);
  tone.start(start);
  tone.stop(start + 0.4);
}
