/** What holds memory that grows with the streams. */
export type MemoryKind = 'ring' | 'source_buffer' | 'segment_store'

export interface MemoryStatus {
  readonly kind: MemoryKind
  readonly bytes: number
  readonly holders: number
}

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

/** What all channels of one media process share. */
export interface HostStatus {
  readonly memory: readonly MemoryStatus[]
  readonly memoryLimitBytes: number
  /** How often the sum rose above the limit. */
  readonly memoryExceeded: number
  readonly connections: {
    /** Attempts under way, to all hosts. */
    readonly connecting: number
    /** Attempts that wait for their host's turn. */
    readonly waiting: number
    /** Attempts that had to wait, since the start. */
    readonly delayed: number
  }
  readonly channels: readonly ChannelTiming[]
}
