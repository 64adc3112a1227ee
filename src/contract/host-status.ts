/** Milliseconds, over the last half minute to minute. */
export interface TimingStatus {
  readonly mean: number
  readonly max: number
}

/** What a channel's share of the media process's time is. */
export interface ChannelTiming {
  readonly channel: string
  /** From when play-out was due to when it began. */
  readonly lateness: TimingStatus
  readonly tick: TimingStatus
  readonly check: TimingStatus
  /** Ticks and checks that threw, since the channel started. */
  readonly faults: number
}
