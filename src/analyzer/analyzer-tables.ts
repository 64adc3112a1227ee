/** PAT, CAT, SDT and the PMTs: maps PIDs to programs, and checks the rules for tables. */
import type { ViolationLedger } from './analyzer-ledger.ts'
import type { PcrWatch } from './analyzer-pcr.ts'
import type { PidWatch } from './analyzer-pid.ts'
import { ProgramWatch } from './analyzer-program.ts'
import {
  MAX_SDT_INTERVAL_MS,
  MAX_TABLE_INTERVAL_MS,
  MAX_TABLE_INTERVAL_PROGRAM_MS,
  type ViolationCode,
} from './analyzer-rules.ts'
import { TableWatch } from './analyzer-table.ts'
import { PID_CAT, PID_PAT, PID_SDT } from '../mpegts/packet.ts'
import { parsePat, parseSdt, TABLE_PAT, TABLE_PMT, TABLE_SDT_ACTUAL } from '../mpegts/psi.ts'
import { isWholeSection, SectionAssembler, sectionHeader } from '../mpegts/section.ts'

const TABLE_CAT = 0x01
/** Table 2-29: with section_syntax_indicator, a section ends in a CRC. */
const SYNTAX_INDICATOR = 0x80
const MAX_PROGRAMS = 256

export interface TablesWatchOptions {
  readonly ledger: ViolationLedger
  readonly muxDelayMs: number
  readonly watchOf: (pid: number) => PidWatch
}

export class TablesWatch {
  readonly pat: TableWatch
  readonly sdt: TableWatch
  readonly #options: TablesWatchOptions
  #programs: ProgramWatch[] = []
  /** Program of each track's PID. */
  readonly #owners = new Map<number, ProgramWatch>()
  #clock: PcrWatch | undefined
  catSections = 0
  /** Of the packet whose payload is pushed to a section assembler. */
  position = 0

  constructor(options: TablesWatchOptions) {
    const { ledger } = options
    this.#options = options
    this.pat = new TableWatch({
      name: 'PAT',
      pid: PID_PAT,
      limits: [
        { ms: MAX_TABLE_INTERVAL_MS, code: 'pat_interval' },
        { ms: MAX_TABLE_INTERVAL_PROGRAM_MS, code: 'pat_interval_program' },
      ],
      ledger,
    })
    const limits = [{ ms: MAX_SDT_INTERVAL_MS, code: 'sdt_interval' as const }]
    this.sdt = new TableWatch({ name: 'SDT', pid: PID_SDT, limits, ledger })
    this.#readTables(PID_PAT, (section) => this.#onPat(section))
    this.#readTables(PID_CAT, (section) => this.#onCat(section))
    this.#readTables(PID_SDT, (section) => this.#onSdt(section))
  }

  get programs(): readonly ProgramWatch[] {
    return this.#programs
  }

  programOf(pid: number): ProgramWatch | undefined {
    return this.#owners.get(pid)
  }

  /** Clock of the first program that has PCR. */
  clock(): PcrWatch | undefined {
    if (this.#clock?.timeMs === undefined) {
      this.#clock = this.#programs.find((program) => program.clock?.timeMs !== undefined)?.clock
    }
    return this.#clock
  }

  /** TR 101 290 1.3 and 1.5: PAT and PMT are never scrambled. */
  onScrambledPacket(pid: number, position: number): void {
    this.position = position
    if (pid === PID_PAT) this.#addViolation('pat_content', pid, 'it is scrambled')
    else if (this.#programs.some((program) => program.pmtPid === pid)) {
      this.#addViolation('pmt_content', pid, 'it is scrambled')
    }
  }

  /** Packets or bytes were lost: no bitrate can be computed across them. */
  breakPositions(): void {
    for (const program of this.#programs) program.clock?.breakPositions()
  }

  describePid(pid: number): string {
    const table = this.#programs.find((program) => program.pmtPid === pid)
    if (table !== undefined) return `PMT of program ${table.number}`
    const stream = this.#owners.get(pid)?.streamOf(pid)
    const track = this.#owners.get(pid)?.track(pid)?.report()
    if (track !== undefined) return `${track.kind} ${track.codec}`
    if (stream !== undefined) return `stream type 0x${stream.streamType.toString(16)}`
    return this.#programs.some((program) => program.clock?.pid === pid) ? 'PCR' : 'not in any table'
  }

  finish(position: number): void {
    this.position = position
    for (const program of this.#programs) program.finish(position)
    for (const program of this.#programs) program.clock?.finish(position)
    const endMs = this.clock()?.timeMs
    this.pat.finish(endMs, position)
    this.sdt.finish(endMs, position)
    for (const program of this.#programs) program.pmt.finish(endMs, position)
    if (this.pat.sections === 0) this.#addViolation('pat_missing', PID_PAT, 'in the whole stream')
    if (this.sdt.sections === 0) this.#addViolation('sdt_missing', PID_SDT, 'in the whole stream')
  }

  #readTables(pid: number, onSection: (section: Uint8Array) => void): void {
    this.#options.watchOf(pid).sections = new SectionAssembler((section) => {
      if (isWholeSection(section)) onSection(section)
      else if ((section[1]! & SYNTAX_INDICATOR) !== 0) {
        this.#addViolation('crc', pid, `table_id 0x${section[0]!.toString(16)}`)
      } else this.#rejectShortSection(pid, section[0]!)
    })
  }

  /** Reports a section of the short form where only the long form is allowed. */
  #rejectShortSection(pid: number, tableId: number): void {
    const detail = `table_id 0x${tableId.toString(16)} without a CRC`
    if (pid === PID_PAT) this.#addViolation('pat_content', pid, detail)
    else if (pid === PID_CAT) this.#addViolation('cat_content', pid, detail)
    else if (tableId === TABLE_PMT) this.#addViolation('pmt_content', pid, detail)
  }

  #onPat(section: Uint8Array): void {
    const { tableId, current } = sectionHeader(section)
    if (tableId !== TABLE_PAT) {
      this.#addViolation('pat_content', PID_PAT, `table_id 0x${tableId.toString(16)}`)
      return
    }
    if (!current) return
    if (this.pat.addSection(section, this.position, this.clock()) === 'known') return
    const { number, last } = sectionHeader(section)
    const listed = parsePat(section)
    const kept = this.#programs.filter(
      (program) =>
        number !== 0 ||
        last !== 0 ||
        listed.some((entry) => entry.program === program.number && entry.pid === program.pmtPid),
    )
    this.#programs = kept
    this.#clock = undefined
    for (const [pid, owner] of this.#owners) if (!kept.includes(owner)) this.#owners.delete(pid)
    for (const { program, pid } of listed) {
      if (kept.some((known) => known.number === program && known.pmtPid === pid)) continue
      if (this.#programs.length < MAX_PROGRAMS) this.#addProgram(program, pid)
    }
  }

  #addProgram(number: number, pmtPid: number): void {
    const { ledger, muxDelayMs, watchOf: pid } = this.#options
    const program = new ProgramWatch({
      number,
      pmtPid,
      ledger,
      muxDelayMs,
      lastPatAt: () => this.pat.lastPosition,
      packetsOf: (id) => pid(id).packets,
    })
    this.#programs = [...this.#programs, program]
    if (pid(pmtPid).sections === undefined) {
      this.#readTables(pmtPid, (section) => this.#onPmt(section, pmtPid))
    }
  }

  #onPmt(section: Uint8Array, pmtPid: number): void {
    const { tableId, extension, current } = sectionHeader(section)
    if (tableId !== TABLE_PMT || !current) return
    const program = this.#programs.find(
      (known) => known.number === extension && known.pmtPid === pmtPid,
    )
    if (program === undefined) return
    program.onPmt(section, this.position, this.clock())
    for (const track of program.tracks) this.#owners.set(track.identity.pid, program)
  }

  #onCat(section: Uint8Array): void {
    const { tableId } = sectionHeader(section)
    if (tableId === TABLE_CAT) this.catSections++
    else this.#addViolation('cat_content', PID_CAT, `table_id 0x${tableId.toString(16)}`)
  }

  #onSdt(section: Uint8Array): void {
    const { tableId, current } = sectionHeader(section)
    if (tableId !== TABLE_SDT_ACTUAL || !current) return
    this.sdt.addSection(section, this.position, this.clock())
    for (const { service, name } of parseSdt(section)) {
      const program = this.#programs.find((known) => known.number === service)
      if (program !== undefined) program.serviceName = name
    }
  }

  #addViolation(code: ViolationCode, pid: number, detail: string): void {
    const timeMs = this.clock()?.timeMs
    this.#options.ledger.addViolation(code, { position: this.position, timeMs, pid, detail })
  }
}
