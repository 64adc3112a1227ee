/** Holders of memory that grows with the streams. */
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

/** A channel's share of the media process's time. */
export interface ChannelTiming {
  readonly channel: string
  /** Delay from the due time of play-out to its start. */
  readonly lateness: TimingStatus
  readonly tick: TimingStatus
  readonly check: TimingStatus
  /** Ticks and checks that threw, since the channel started. */
  readonly faults: number
}

/** Resources shared by all channels of one media process. */
export interface HostStatus {
  readonly memory: readonly MemoryStatus[]
  readonly memoryLimitBytes: number
  /** Number of times that the sum exceeded the limit. */
  readonly memoryExceeded: number
  readonly connections: {
    /** Current attempts to connect, to all hosts. */
    readonly connecting: number
    /** Attempts that wait for their host's turn. */
    readonly waiting: number
    /** Attempts that had to wait, since the start. */
    readonly delayed: number
  }
  readonly channels: readonly ChannelTiming[]
}
