// One call between this browser and another: microphone, connection, what is heard. Who calls whom is not its matter.
//
// The two sides exchange signals as text: a description of the session, or addresses (candidates) in small batches.

export interface VoiceHands {
  send(signal: string): void;
  connected(): void;
  /** It held, and does not now; it may come back by itself. */
  shaken(): void;
  lost(): void;
}

interface Signal { description?: RTCSessionDescriptionInit; candidates?: RTCIceCandidateInit[] }

const GATHERED_FOR = 80; // ms in which addresses are gathered into one signal
const PATIENCE = 12_000; // how long a shaken connection may take to come back

/** The microphone; fails where there is none or it is not given. */
export const microphone = (): Promise<MediaStream> =>
  navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true } });

export class Voice {
  private peer: RTCPeerConnection;
  private speaker = new Audio();
  private waiting: RTCIceCandidateInit[] = [];
  private own: RTCIceCandidateInit[] = [];
  private batch = 0;
  private patience = 0;
  private meter: AnalyserNode | undefined;
  private context: AudioContext | undefined;
  private wave = new Float32Array(512);
  private turn: Promise<unknown> = Promise.resolve();
  private seen = new Set<string>();

  constructor(
    private mic: MediaStream,
    ice: RTCIceServer[],
    private hands: VoiceHands,
  ) {
    this.peer = new RTCPeerConnection({ iceServers: ice });
    for (const track of mic.getTracks()) this.peer.addTrack(track, mic);
    this.peer.onicecandidate = (event) => event.candidate && this.gather(event.candidate.toJSON());
    this.peer.onconnectionstatechange = () => this.changed();
    this.peer.ontrack = (event) => this.hear(event.streams[0] ?? new MediaStream([event.track]));
  }

  /** Begin; one of the two does. */
  async offer(): Promise<void> {
    await this.peer.setLocalDescription(await this.peer.createOffer());
    this.describe();
  }

  /** What the other browser said. One after the other, as it came; what comes twice is known by its `seq`. */
  take(seq: number, text: string): void {
    if (this.seen.has(`${seq}`)) return;
    this.seen.add(`${seq}`);
    const signal = JSON.parse(text) as Signal;
    this.turn = this.turn.then(() => this.follow(signal)).catch(() => this.hands.lost());
  }

  get muted(): boolean {
    return this.mic.getAudioTracks().every((track) => !track.enabled);
  }

  set muted(wanted: boolean) {
    for (const track of this.mic.getAudioTracks()) track.enabled = !wanted;
  }

  /** How loud the other side is, 0 to 1. */
  get level(): number {
    if (!this.meter) return 0;
    this.meter.getFloatTimeDomainData(this.wave);
    return Math.min(1, Math.sqrt(this.wave.reduce((sum, sample) => sum + sample * sample, 0) / this.wave.length));
  }

  end(): void {
    clearTimeout(this.batch);
    clearTimeout(this.patience);
    this.peer.onconnectionstatechange = this.peer.onicecandidate = this.peer.ontrack = null;
    this.peer.close();
    for (const track of this.mic.getTracks()) track.stop();
    this.speaker.srcObject = null;
    void this.context?.close();
  }

  private async follow({ description, candidates = [] }: Signal): Promise<void> {
    if (description) {
      await this.peer.setRemoteDescription(description);
      if (description.type === "offer") {
        await this.peer.setLocalDescription(await this.peer.createAnswer());
        this.describe();
      }
    }
    this.waiting.push(...candidates);
    if (!this.peer.remoteDescription) return;
    for (const candidate of this.waiting.splice(0)) await this.peer.addIceCandidate(candidate);
  }

  private describe(): void {
    this.send({ description: this.peer.localDescription!.toJSON() as RTCSessionDescriptionInit });
  }

  private gather(candidate: RTCIceCandidateInit): void {
    this.own.push(candidate);
    clearTimeout(this.batch);
    this.batch = window.setTimeout(() => this.send({ candidates: this.own.splice(0) }), GATHERED_FOR);
  }

  private send(signal: Signal): void {
    this.hands.send(JSON.stringify(signal));
  }

  private changed(): void {
    const state = this.peer.connectionState;
    clearTimeout(this.patience);
    if (state === "connected") this.hands.connected();
    else if (state === "failed") this.hands.lost();
    else if (state === "disconnected") {
      this.hands.shaken();
      this.patience = window.setTimeout(() => this.hands.lost(), PATIENCE);
    }
  }

  private hear(stream: MediaStream): void {
    this.speaker.srcObject = stream;
    void this.speaker.play().catch(() => undefined);
    this.context = new AudioContext();
    this.meter = this.context.createAnalyser();
    this.meter.fftSize = this.wave.length;
    this.context.createMediaStreamSource(stream).connect(this.meter);
  }
}

/** "0:42", "12:07". */
export function clockOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** A phone that rings, until the returned function is called. Quiet where the page may not sound yet. */
export function ring(): () => void {
  if (!navigator.userActivation?.hasBeenActive) return () => undefined;
  const context = new AudioContext();
  const beat = (): void => [0, 0.45].forEach((after) => note(context, after));
  beat();
  const timer = setInterval(beat, 2400);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}

function note(context: AudioContext, after: number): void {
  const start = context.currentTime + after;
  const loudness = context.createGain();
  loudness.gain.setValueAtTime(0, start);
  loudness.gain.linearRampToValueAtTime(0.08, start + 0.02);
  loudness.gain.linearRampToValueAtTime(0, start + 0.36);
  loudness.connect(context.destination);
  for (const pitch of [440, 554]) {
    const tone = context.createOscillator();
    tone.frequency.value = pitch;
    tone.connect(loudness);
    tone.start(start);
    tone.stop(start + 0.4);
  }
}
