import type { ChannelTiming, HostStatus } from '../../src/contract/host-status.ts'
import type { Account } from '../../src/lib/account.ts'

/** Of a media process that holds nothing. */
export const aHost = (channels: readonly ChannelTiming[] = []): HostStatus => ({
  memory: [],
  memoryLimitBytes: 1_000_000,
  memoryExceeded: 0,
  connections: { connecting: 0, waiting: 0, delayed: 0 },
  channels,
})

/** Counts nothing. */
export const noAccount: Account<string> = { addHolder: () => () => {} }
