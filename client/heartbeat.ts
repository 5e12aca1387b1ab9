/**
 * Signs of life while the connection is up: the first at once, then one every `everyMs`, each with the round trip of the one
 * before. One at a time; a beat that is lost is not repeated, and the server counts it as missed.
 */
export interface HeartbeatOptions {
  readonly everyMs: number
  readonly send: (roundTripMs: number | undefined) => Promise<unknown>
}

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: ReturnType<typeof setInterval> | undefined
  #roundTripMs: number | undefined
  #sending = false

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  start(): void {
    this.stop()
    this.#timer = setInterval(() => void this.#beat(), this.#options.everyMs)
    void this.#beat()
  }
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    // What a reconnect took is no round trip.
    this.#roundTripMs = undefined
  }

  async #beat(): Promise<void> {
    if (this.#sending) return
    this.#sending = true
    const timer = this.#timer
    const start = performance.now()
    const heard = await this.#options.send(this.#roundTripMs).then(
      () => true,
      () => false,
    )
    this.#sending = false
    if (heard && timer !== undefined && timer === this.#timer) this.#roundTripMs = performance.now() - start
  }
}
