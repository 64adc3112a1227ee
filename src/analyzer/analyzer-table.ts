import { measured, type TableReport } from './analysis-report.ts'
import type { ViolationLedger } from './analyzer-ledger.ts'
import { rounded, scaled } from './analyzer-numbers.ts'
import type { PcrWatch } from './analyzer-pcr.ts'
import type { ViolationCode } from './analyzer-rules.ts'
import { sectionHeader } from '../mpegts/section.ts'

const VERSION_AT = 5
const CRC_SIZE = 4
/** section_number is eight bits; no more contents are stored. */
const MAX_SECTIONS = 256

export interface TableLimit {
  readonly ms: number
  readonly code: ViolationCode
}

export interface TableWatchOptions {
  /** 'PAT', 'PMT of program 1' … */
  readonly name: string
  readonly pid: number
  readonly limits: readonly TableLimit[]
  readonly ledger: ViolationLedger
}

/** Checks the interval of one table, and that its version changes exactly with its content. */
export class TableWatch {
  readonly #options: TableWatchOptions
  readonly #contents = new Map<number, { version: number; bytes: Uint8Array }>()
  #sections = 0
  #version: number | undefined
  #versionChanges = 0
  #lastTimeMs: number | undefined
  #maxInterval: number | undefined
  /** Of the newest whole section; -1 before the first. */
  lastPosition = -1

  constructor(options: TableWatchOptions) {
    this.#options = options
  }

  get sections(): number {
    return this.#sections
  }

  /** Adds one whole section with a valid CRC; returns true when its content is new. */
  addSection(section: Uint8Array, position: number, clock: PcrWatch | undefined): 'new' | 'known' {
    this.#sections++
    this.lastPosition = position
    const header = sectionHeader(section)
    if (header.number === 0) {
      clock?.locate(position, (timeMs) => this.#addInterval(timeMs, position))
    }
    return this.#compare(section, position, clock?.timeMs)
  }

  /** Checks the interval from the last section to the end. */
  finish(endMs: number | undefined, endPosition: number): void {
    if (endMs === undefined || this.#lastTimeMs === undefined) return
    this.#checkInterval(endMs - this.#lastTimeMs, endMs, endPosition)
  }

  report(): TableReport {
    return {
      sections: this.#sections,
      maxIntervalMs: measured(scaled(this.#maxInterval, 1)),
      version: measured(this.#version),
      versionChanges: this.#versionChanges,
    }
  }

  #addInterval(timeMs: number, position: number): void {
    if (this.#lastTimeMs !== undefined) {
      const interval = timeMs - this.#lastTimeMs
      this.#maxInterval = Math.max(this.#maxInterval ?? 0, interval)
      this.#checkInterval(interval, timeMs, position)
    }
    this.#lastTimeMs = timeMs
  }

  #checkInterval(interval: number, timeMs: number, position: number): void {
    const { limits, ledger, pid } = this.#options
    for (const { ms, code } of limits) {
      if (interval > ms)
        ledger.addViolation(code, { position, timeMs, pid, detail: `${rounded(interval)} ms` })
    }
  }

  #compare(section: Uint8Array, position: number, timeMs: number | undefined): 'new' | 'known' {
    const { number, version } = sectionHeader(section)
    const known = this.#contents.get(number)
    const same = known !== undefined && sameContent(known.bytes, section)
    this.#version = version
    if (same && known.version === version) return 'known'
    const { name, ledger, pid } = this.#options
    if (known !== undefined) {
      const code = same ? 'table_version_only' : 'table_content_only'
      if (known.version !== version) this.#versionChanges++
      if (same || known.version === version) {
        ledger.addViolation(code, { position, timeMs, pid, detail: `${name}, version ${version}` })
      }
    }
    if (known !== undefined || this.#contents.size < MAX_SECTIONS) {
      this.#contents.set(number, { version, bytes: section.slice() })
    }
    return same ? 'known' : 'new'
  }
}

/** True if equal except for version, current_next_indicator and CRC. */
const sameContent = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length - CRC_SIZE; i++) {
    if (a[i] !== b[i] && i !== VERSION_AT) return false
  }
  return true
}
