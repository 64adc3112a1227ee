import { readFileSync } from 'node:fs'
import { procStat } from './proc.ts'

export interface ProcessFigures {
  /** User and system time since its start. */
  readonly cpuSeconds: number
  /** Resident memory. */
  readonly rssBytes: number
}

const RSS_LINE = /^VmRSS:\s+(\d+) kB$/m

/** Undefined when it is not measurable: no such process, or no /proc. */
export const processFigures = (pid: number): ProcessFigures | undefined => {
  const stat = procStat(pid)
  if (stat === undefined) return undefined
  try {
    const rss = RSS_LINE.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return { cpuSeconds: stat.cpuSeconds, rssBytes: Number(rss?.[1] ?? 0) * 1024 }
  } catch {
    return undefined
  }
}
