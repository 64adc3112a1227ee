import type { Pid } from './access-unit.ts'

export interface PidCounters {
  readonly packets: number
  readonly continuityErrors: number
}

/** Counters of the demuxer since its construction; never reset. */
export interface DemuxCounters {
  readonly packets: number
  readonly bytes: number
  readonly syncLosses: number
  /** Bytes discarded while searching for sync. */
  readonly skippedBytes: number
  readonly continuityErrors: number
  readonly transportErrors: number
  readonly scrambledPackets: number
  readonly nullPackets: number
  readonly duplicates: number
  /** Sections whose CRC or inner lengths are wrong. */
  readonly crcErrors: number
  /** PES packets, or frames, dropped because a part is missing or unusable. */
  readonly damagedUnits: number
  readonly oversizedPes: number
  /** Packets on PIDs that no table lists. */
  readonly unknownPidPackets: number
  readonly pids: ReadonlyMap<Pid, PidCounters>
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

export type DemuxTally = Writable<Omit<DemuxCounters, 'pids'>> & {
  readonly pids: Map<Pid, PidCounters>
}

export const newTally = (): DemuxTally => ({
  packets: 0,
  bytes: 0,
  syncLosses: 0,
  skippedBytes: 0,
  continuityErrors: 0,
  transportErrors: 0,
  scrambledPackets: 0,
  nullPackets: 0,
  duplicates: 0,
  crcErrors: 0,
  damagedUnits: 0,
  oversizedPes: 0,
  unknownPidPackets: 0,
  pids: new Map(),
})
