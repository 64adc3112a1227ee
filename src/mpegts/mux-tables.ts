/** PAT, PMT and SDT of the one program that the muxer writes, as packets that are ready to be copied. */
import type { Codec } from '../contract/format.ts'
import type { Pid } from './access-unit.ts'
import { PID_PAT, PID_SDT } from './packet.ts'
import { buildPat, buildPmt, buildSdt, languageDescriptor } from './psi.ts'
import { signalOf } from './stream-types.ts'

/** EN 300 468: original_network_id of private networks, 0xFF00 … 0xFFFF. */
const PRIVATE_NETWORK = 0xff01
const VERSIONS = 32

export interface TableTrack {
  readonly pid: Pid
  readonly codec: Codec
  readonly language?: string
}

export interface TableOptions {
  readonly programNumber: number
  readonly transportStreamId: number
  readonly pmtPid: Pid
  readonly pcrPid: Pid
  readonly provider: string
}

/** One table: its PID and its current content. */
export interface Table {
  readonly pid: Pid
  readonly section: Uint8Array
}

export class MuxTables {
  readonly #options: TableOptions
  #pmtVersion = 0
  #sdtVersion = 0
  readonly pat: Table
  #pmt: Table
  #sdt: Table

  constructor(options: TableOptions, tracks: readonly TableTrack[], serviceName: string) {
    this.#options = options
    this.pat = {
      pid: PID_PAT,
      section: buildPat({
        transportStreamId: options.transportStreamId,
        version: 0,
        programs: [{ program: options.programNumber, pid: options.pmtPid }],
      }),
    }
    this.#pmt = this.#buildPmt(tracks)
    this.#sdt = this.#buildSdt(serviceName)
  }

  get pmt(): Table {
    return this.#pmt
  }

  get sdt(): Table {
    return this.#sdt
  }

  /** The version goes up only when the content changes. */
  setTracks(tracks: readonly TableTrack[]): void {
    if (sameBytes(this.#buildPmt(tracks).section, this.#pmt.section)) return
    this.#pmtVersion = (this.#pmtVersion + 1) % VERSIONS
    this.#pmt = this.#buildPmt(tracks)
  }

  setServiceName(name: string): void {
    if (sameBytes(this.#buildSdt(name).section, this.#sdt.section)) return
    this.#sdtVersion = (this.#sdtVersion + 1) % VERSIONS
    this.#sdt = this.#buildSdt(name)
  }

  #buildPmt(tracks: readonly TableTrack[]): Table {
    const { programNumber, pcrPid, pmtPid } = this.#options
    const section = buildPmt({
      program: programNumber,
      version: this.#pmtVersion,
      pcrPid,
      descriptors: new Uint8Array(0),
      streams: tracks.map(({ pid, codec, language }) => {
        const { streamType, descriptors } = signalOf(codec)
        const named = language === undefined ? [] : languageDescriptor(language)
        return { pid, streamType, descriptors: Uint8Array.of(...descriptors, ...named) }
      }),
    })
    return { pid: pmtPid, section }
  }

  #buildSdt(name: string): Table {
    const { transportStreamId, programNumber, provider } = this.#options
    const service = { service: programNumber, name, provider }
    const version = this.#sdtVersion
    const section = buildSdt({ transportStreamId, networkId: PRIVATE_NETWORK, version, service })
    return { pid: PID_SDT, section }
  }
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
