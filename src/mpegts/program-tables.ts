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

/** More programs than any multiplex carries: a bound for nonsense. */
const PROGRAMS_MAX = 512

/** Reads one PID of tables; sections whose CRC is wrong are counted and go no further. */
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

  begin(source: WordBytes, from: number, to: number): void {
    this.#sections.push(source.bytes, { from, to, startsSection: true })
  }

  more(source: WordBytes, from: number, to: number): void {
    this.#sections.push(source.bytes, { from, to, startsSection: false })
  }

  repeats(): undefined {
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
  /** These PIDs carry PMT sections now (and no others). */
  pmtPids(pids: ReadonlySet<Pid>): void
  /** The chosen program, whenever its PMT or its service name changed in content; undefined when it is gone. */
  chosen(program: ChosenProgram | undefined): void
  /** PIDs that programs which were not chosen use. */
  foreign(pids: readonly Pid[]): void
}

export interface ChosenProgram {
  readonly pmt: Pmt
  readonly pmtPid: Pid
  readonly serviceName: string | undefined
}

interface KnownPmt {
  readonly pmt: Pmt
  readonly section: Uint8Array
  times: number
}

export class ProgramTables {
  readonly #listener: TablesListener
  readonly #tally: DemuxTally
  readonly #wanted: number | undefined
  #pat: readonly PatEntry[] = []
  /** Sections of the PAT that is being gathered, by section number. */
  #gathered = new Map<number, readonly PatEntry[]>()
  #gatheredVersion = -1
  readonly #pmts = new Map<number, KnownPmt>()
  readonly #names = new Map<number, string>()
  #chosen: number | undefined

  constructor(listener: TablesListener, tally: DemuxTally, wanted: number | undefined) {
    this.#listener = listener
    this.#tally = tally
    this.#wanted = wanted
  }

  patConsumer(): SectionConsumer {
    return new SectionConsumer(this.#tally, (section, header) => {
      if (header.tableId === TABLE_PAT && header.current) this.#patSection(section, header)
    })
  }

  pmtConsumer(): SectionConsumer {
    return new SectionConsumer(this.#tally, (section, header) => {
      if (header.tableId === TABLE_PMT && header.current) this.#pmtSection(section)
    })
  }

  sdtConsumer(): SectionConsumer {
    return new SectionConsumer(this.#tally, (section, header) => {
      if (header.tableId === TABLE_SDT_ACTUAL && header.current) this.#sdtSection(section)
    })
  }

  #patSection(section: Uint8Array, header: SectionHeader): void {
    if (header.version !== this.#gatheredVersion) {
      this.#gathered = new Map()
      this.#gatheredVersion = header.version
    }
    this.#gathered.set(header.number, parsePat(section))
    const programs: PatEntry[] = []
    for (let number = 0; number <= header.last; number++) {
      const part = this.#gathered.get(number)
      if (part === undefined) return
      programs.push(...part)
    }
    this.#applyPat(programs.slice(0, PROGRAMS_MAX))
  }

  #applyPat(programs: readonly PatEntry[]): void {
    if (samePrograms(this.#pat, programs)) return
    this.#pat = programs
    const numbers = new Set(programs.map(({ program }) => program))
    for (const number of this.#pmts.keys()) if (!numbers.has(number)) this.#pmts.delete(number)
    for (const number of this.#names.keys()) if (!numbers.has(number)) this.#names.delete(number)
    const usable = programs.map(({ pid }) => pid).filter((pid) => pid > PID_SDT && pid < PID_NULL)
    this.#listener.pmtPids(new Set(usable))
    if (this.#chosen === undefined || numbers.has(this.#chosen)) return
    this.#chosen = undefined
    this.#listener.chosen(undefined)
  }

  #pmtSection(section: Uint8Array): void {
    const pmt = parsePmt(section)
    if (pmt === undefined) {
      this.#tally.crcErrors++
      return
    }
    if (!this.#pat.some(({ program }) => program === pmt.program)) return
    const known = this.#pmts.get(pmt.program)
    if (known !== undefined && sameContent(known.section, section)) {
      known.times++
      if (this.#chosen === undefined) this.#choose()
      return
    }
    this.#pmts.set(pmt.program, { pmt, section: new Uint8Array(section), times: 1 })
    if (this.#chosen === undefined) this.#choose()
    else if (this.#chosen === pmt.program) this.#announce()
    if (this.#chosen !== pmt.program) this.#listener.foreign(pmt.streams.map(({ pid }) => pid))
  }

  /**
   * The wanted program; else the first of the PAT that carries media. A later one has to come twice before it is taken
   * while an earlier one's PMT is outstanding: so the choice does not hang on where in the stream we join.
   */
  #choose(): void {
    let outstanding = false
    for (const { program } of this.#pat) {
      if (this.#wanted !== undefined && program !== this.#wanted) continue
      const known = this.#pmts.get(program)
      if (known === undefined) {
        outstanding = true
        continue
      }
      if (this.#wanted === undefined && !carriesMedia(known.pmt)) continue
      if (outstanding && known.times < 2) return
      this.#chosen = program
      this.#announce()
      return
    }
  }

  #sdtSection(section: Uint8Array): void {
    for (const { service, name } of parseSdt(section)) {
      if (this.#names.get(service) === name) continue
      if (this.#names.size >= PROGRAMS_MAX) this.#names.clear()
      this.#names.set(service, name)
      if (service === this.#chosen) this.#announce()
    }
  }

  #announce(): void {
    const number = this.#chosen
    const known = number === undefined ? undefined : this.#pmts.get(number)
    const entry = this.#pat.find(({ program }) => program === number)
    if (number === undefined || known === undefined || entry === undefined) return
    this.#listener.chosen({
      pmt: known.pmt,
      pmtPid: entry.pid,
      serviceName: this.#names.get(number),
    })
  }
}

const carriesMedia = (pmt: Pmt): boolean =>
  pmt.streams.some(({ streamType, descriptors }) => codecOf(streamType, descriptors) !== undefined)

const samePrograms = (a: readonly PatEntry[], b: readonly PatEntry[]): boolean =>
  a.length === b.length &&
  a.every((entry, i) => entry.program === b[i]!.program && entry.pid === b[i]!.pid)

/** Equal but for version and CRC. */
const sameContent = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false
  for (let i = 6; i < a.length - 4; i++) if (a[i] !== b[i]) return false
  return true
}
