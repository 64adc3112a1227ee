/** PAT, PMT and SDT of a transport stream, and the choice of one program among several. */
import type { Pid } from './access-unit.ts'
import type { DemuxTally } from './demux-counters.ts'
import { PID_SDT, PID_NULL } from './packet.ts'
import type { PayloadConsumer } from './pes-assembler.ts'
import {
  TABLE_PAT,
  TABLE_PMT,
  TABLE_SDT_ACTUAL,
  parsePat,
  parsePmt,
  parseSdt,
  type PatEntry,
  type Pmt,
} from './psi.ts'
import { SectionAssembler, isWholeSection, sectionHeader, type SectionHeader } from './section.ts'
import { codecOf } from './stream-types.ts'
import type { WordBytes } from './word-bytes.ts'

/** More programs than any multiplex carries: a bound for corrupt tables. */
const MAX_PROGRAMS = 512

/** Reads one PID of tables; sections whose CRC is wrong are counted and dropped. */
export class SectionConsumer implements PayloadConsumer {
  readonly #sections: SectionAssembler

  constructor(tally: DemuxTally, listener: (section: Uint8Array, header: SectionHeader) => void) {
    this.#sections = new SectionAssembler((section) => {
      // Short sections (table_id with section_syntax_indicator 0) have no CRC; none of ours is one.
      if ((section[1]! & 0x80) === 0) return
      if (isWholeSection(section)) listener(section, sectionHeader(section))
      else tally.crcErrors++
    })
  }

  start(source: WordBytes, from: number, to: number): void {
    this.#sections.push(source.bytes, { from, to, startsSection: true })
  }

  append(source: WordBytes, from: number, to: number): void {
    this.#sections.push(source.bytes, { from, to, startsSection: false })
  }

  isRepeat(): undefined {
    return undefined
  }

  lost(): void {
    this.#sections.reset()
  }

  flush(): void {
    this.#sections.reset()
  }

  reset(): void {
    this.#sections.reset()
  }
}

export interface TablesListener {
  /** The complete set of PIDs that carry PMT sections. */
  pmtPids(pids: ReadonlySet<Pid>): void
  /** The chosen program, whenever its PMT or its service name changed in content; undefined when it is gone. */
  programChosen(program: ChosenProgram | undefined): void
  /** PIDs that programs which were not chosen use. */
  otherPids(pids: readonly Pid[]): void
}

export interface ChosenProgram {
  readonly pmt: Pmt
  readonly pmtPid: Pid
  readonly serviceName: string | undefined
}

interface KnownPmt {
  readonly pmt: Pmt
  readonly section: Uint8Array
  receptions: number
}

export class ProgramTables {
  readonly #listener: TablesListener
  readonly #tally: DemuxTally
  readonly #wanted: number | undefined
  #pat: readonly PatEntry[] = []
  /** Sections of the PAT that is being gathered, by section number. */
  #patSections = new Map<number, readonly PatEntry[]>()
  #patVersion = -1
  readonly #pmts = new Map<number, KnownPmt>()
  readonly #serviceNames = new Map<number, string>()
  #chosen: number | undefined

  constructor(listener: TablesListener, tally: DemuxTally, wanted: number | undefined) {
    this.#listener = listener
    this.#tally = tally
    this.#wanted = wanted
  }

  createPatConsumer(): SectionConsumer {
    return new SectionConsumer(this.#tally, (section, header) => {
      if (header.tableId === TABLE_PAT && header.current) this.#onPatSection(section, header)
    })
  }

  createPmtConsumer(): SectionConsumer {
    return new SectionConsumer(this.#tally, (section, header) => {
      if (header.tableId === TABLE_PMT && header.current) this.#onPmtSection(section)
    })
  }

  createSdtConsumer(): SectionConsumer {
    return new SectionConsumer(this.#tally, (section, header) => {
      if (header.tableId === TABLE_SDT_ACTUAL && header.current) this.#onSdtSection(section)
    })
  }

  #onPatSection(section: Uint8Array, header: SectionHeader): void {
    if (header.version !== this.#patVersion) {
      this.#patSections = new Map()
      this.#patVersion = header.version
    }
    this.#patSections.set(header.number, parsePat(section))
    const programs: PatEntry[] = []
    for (let number = 0; number <= header.last; number++) {
      const part = this.#patSections.get(number)
      if (part === undefined) return
      programs.push(...part)
    }
    this.#applyPat(programs.slice(0, MAX_PROGRAMS))
  }

  #applyPat(programs: readonly PatEntry[]): void {
    if (samePrograms(this.#pat, programs)) return
    this.#pat = programs
    const numbers = new Set(programs.map(({ program }) => program))
    for (const number of this.#pmts.keys()) if (!numbers.has(number)) this.#pmts.delete(number)
    for (const number of this.#serviceNames.keys())
      if (!numbers.has(number)) this.#serviceNames.delete(number)
    const usable = programs.map(({ pid }) => pid).filter((pid) => pid > PID_SDT && pid < PID_NULL)
    this.#listener.pmtPids(new Set(usable))
    if (this.#chosen === undefined || numbers.has(this.#chosen)) return
    this.#chosen = undefined
    this.#listener.programChosen(undefined)
  }

  #onPmtSection(section: Uint8Array): void {
    const pmt = parsePmt(section)
    if (pmt === undefined) {
      this.#tally.crcErrors++
      return
    }
    if (!this.#pat.some(({ program }) => program === pmt.program)) return
    const known = this.#pmts.get(pmt.program)
    if (known !== undefined && sameContent(known.section, section)) {
      known.receptions++
      if (this.#chosen === undefined) this.#chooseProgram()
      return
    }
    this.#pmts.set(pmt.program, { pmt, section: new Uint8Array(section), receptions: 1 })
    if (this.#chosen === undefined) this.#chooseProgram()
    else if (this.#chosen === pmt.program) this.#reportProgram()
    if (this.#chosen !== pmt.program) this.#listener.otherPids(pmt.streams.map(({ pid }) => pid))
  }

  /**
   * Chooses the wanted program; else the first of the PAT that carries media. A later one has to come twice before it is
   * chosen while an earlier one's PMT is outstanding: the choice does not depend on where in the stream reading began.
   */
  #chooseProgram(): void {
    let outstanding = false
    for (const { program } of this.#pat) {
      if (this.#wanted !== undefined && program !== this.#wanted) continue
      const known = this.#pmts.get(program)
      if (known === undefined) {
        outstanding = true
        continue
      }
      if (this.#wanted === undefined && !carriesMedia(known.pmt)) continue
      if (outstanding && known.receptions < 2) return
      this.#chosen = program
      this.#reportProgram()
      return
    }
  }

  #onSdtSection(section: Uint8Array): void {
    for (const { service, name } of parseSdt(section)) {
      if (this.#serviceNames.get(service) === name) continue
      if (this.#serviceNames.size >= MAX_PROGRAMS) this.#serviceNames.clear()
      this.#serviceNames.set(service, name)
      if (service === this.#chosen) this.#reportProgram()
    }
  }

  #reportProgram(): void {
    const number = this.#chosen
    const known = number === undefined ? undefined : this.#pmts.get(number)
    const entry = this.#pat.find(({ program }) => program === number)
    if (number === undefined || known === undefined || entry === undefined) return
    this.#listener.programChosen({
      pmt: known.pmt,
      pmtPid: entry.pid,
      serviceName: this.#serviceNames.get(number),
    })
  }
}

const carriesMedia = (pmt: Pmt): boolean =>
  pmt.streams.some(({ streamType, descriptors }) => codecOf(streamType, descriptors) !== undefined)

const samePrograms = (a: readonly PatEntry[], b: readonly PatEntry[]): boolean =>
  a.length === b.length &&
  a.every((entry, i) => entry.program === b[i]!.program && entry.pid === b[i]!.pid)

/** True if equal except for version and CRC. */
const sameContent = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 6; i < a.length - 4; i++) if (a[i] !== b[i]) return false
  return true
}
