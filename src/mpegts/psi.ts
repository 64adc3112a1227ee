/** Program tables: PAT and PMT (ISO/IEC 13818-1, 2.4.4.3 and 2.4.4.8), SDT (EN 300 468, 5.2.3): parse and build. */
import type { Pid } from './access-unit.ts'
import { buildSection, sectionHeader } from './section.ts'
import { decodeDvbText, encodeDvbText } from './dvb-text.ts'

export const TABLE_PAT = 0x00
export const TABLE_PMT = 0x02
export const TABLE_SDT_ACTUAL = 0x42

export const DESCRIPTOR_REGISTRATION = 0x05
export const DESCRIPTOR_LANGUAGE = 0x0a
export const DESCRIPTOR_SERVICE = 0x48
export const DESCRIPTOR_TELETEXT = 0x56
export const DESCRIPTOR_SUBTITLING = 0x59
export const DESCRIPTOR_AC3 = 0x6a
export const DESCRIPTOR_EAC3 = 0x7a

/** EN 300 468 Table 89: digital television service, and the running status 'running'. */
const SERVICE_TELEVISION = 0x01
const STATUS_RUNNING = 4
const BODY = 8
const CRC_SIZE = 4

export interface PatEntry {
  readonly program: number
  readonly pid: Pid
}

export interface PmtStream {
  readonly streamType: number
  readonly pid: Pid
  /** The descriptor loop as received: tag, length, bytes … */
  readonly descriptors: Uint8Array
}

export interface Pmt {
  readonly program: number
  readonly version: number
  readonly pcrPid: Pid
  readonly descriptors: Uint8Array
  readonly streams: readonly PmtStream[]
}

export interface SdtService {
  readonly service: number
  readonly name: string
  readonly provider: string
}

/** Programs of one PAT section whose CRC was checked; program 0 (the network PID) is left out. */
export const parsePat = (s: Uint8Array): PatEntry[] => {
  const programs: PatEntry[] = []
  for (let i = BODY; i + 4 <= s.length - CRC_SIZE; i += 4) {
    const program = (s[i]! << 8) | s[i + 1]!
    if (program !== 0) programs.push({ program, pid: ((s[i + 2]! & 0x1f) << 8) | s[i + 3]! })
  }
  return programs
}

/** One PMT section whose CRC was checked; undefined where its inner lengths are inconsistent. Descriptors are copied. */
export const parsePmt = (s: Uint8Array): Pmt | undefined => {
  const end = s.length - CRC_SIZE
  if (end < BODY + 4) return undefined
  const header = sectionHeader(s)
  const infoEnd = BODY + 4 + (((s[10]! & 0x0f) << 8) | s[11]!)
  if (infoEnd > end) return undefined
  const streams: PmtStream[] = []
  let i = infoEnd
  while (i + 5 <= end) {
    const next = i + 5 + (((s[i + 3]! & 0x0f) << 8) | s[i + 4]!)
    if (next > end) return undefined
    const pid = ((s[i + 1]! & 0x1f) << 8) | s[i + 2]!
    streams.push({ streamType: s[i]!, pid, descriptors: s.slice(i + 5, next) })
    i = next
  }
  return {
    program: header.extension,
    version: header.version,
    pcrPid: ((s[8]! & 0x1f) << 8) | s[9]!,
    descriptors: s.slice(BODY + 4, infoEnd),
    streams,
  }
}

/** Services of one SDT section whose CRC was checked. */
export const parseSdt = (s: Uint8Array): SdtService[] => {
  const services: SdtService[] = []
  const end = s.length - CRC_SIZE
  let i = BODY + 3
  while (i + 5 <= end) {
    const service = (s[i]! << 8) | s[i + 1]!
    const next = i + 5 + (((s[i + 3]! & 0x0f) << 8) | s[i + 4]!)
    if (next > end) break
    const body = findDescriptor(s.subarray(i + 5, next), DESCRIPTOR_SERVICE)
    if (body !== undefined) services.push({ service, ...serviceText(body) })
    i = next
  }
  return services
}

const serviceText = (body: Uint8Array): { name: string; provider: string } => {
  const providerEnd = 2 + (body[1] ?? 0)
  const nameEnd = providerEnd + 1 + (body[providerEnd] ?? 0)
  return {
    provider: decodeDvbText(body.subarray(2, providerEnd)),
    name: decodeDvbText(body.subarray(providerEnd + 1, nameEnd)),
  }
}

/** Body of the first descriptor with this tag in a descriptor loop; undefined where there is none or it does not fit. */
export const findDescriptor = (loop: Uint8Array, tag: number): Uint8Array | undefined => {
  let i = 0
  while (i + 2 <= loop.length) {
    const next = i + 2 + loop[i + 1]!
    if (next > loop.length) return undefined
    if (loop[i] === tag) return loop.subarray(i + 2, next)
    i = next
  }
  return undefined
}

/** 2.6.8: format_identifier of the registration descriptor as four characters; '' where there is none. */
export const registrationOf = (loop: Uint8Array): string => {
  const body = findDescriptor(loop, DESCRIPTOR_REGISTRATION)
  return body === undefined || body.length < 4
    ? ''
    : String.fromCharCode(body[0]!, body[1]!, body[2]!, body[3]!)
}

/** 2.6.18: the first ISO 639-2 code of the language descriptor, in lower case. */
export const languageOf = (loop: Uint8Array): string | undefined => {
  const body = findDescriptor(loop, DESCRIPTOR_LANGUAGE)
  if (body === undefined || body.length < 3) return undefined
  const code = String.fromCharCode(body[0]!, body[1]!, body[2]!)
  return /^[A-Za-z]{3}$/.test(code) ? code.toLowerCase() : undefined
}

export const descriptor = (tag: number, body: readonly number[] | Uint8Array): Uint8Array =>
  Uint8Array.from([tag, body.length, ...body])

export const registrationDescriptor = (id: string): Uint8Array =>
  descriptor(
    DESCRIPTOR_REGISTRATION,
    [...id].map((c) => c.charCodeAt(0)),
  )

/** `language`: three letters of ISO 639-2; audio_type 0 (undefined). */
export const languageDescriptor = (language: string): Uint8Array =>
  descriptor(DESCRIPTOR_LANGUAGE, [...[...language].map((c) => c.charCodeAt(0)), 0])

export const buildPat = (pat: {
  readonly transportStreamId: number
  readonly version: number
  readonly programs: readonly PatEntry[]
}): Uint8Array =>
  buildSection(
    {
      tableId: TABLE_PAT,
      extension: pat.transportStreamId,
      version: pat.version,
      current: true,
      number: 0,
      last: 0,
    },
    Uint8Array.from(
      pat.programs.flatMap(({ program, pid }) => [
        program >> 8,
        program & 0xff,
        0xe0 | (pid >> 8),
        pid & 0xff,
      ]),
    ),
  )

export const buildPmt = (pmt: Pmt): Uint8Array =>
  buildSection(
    {
      tableId: TABLE_PMT,
      extension: pmt.program,
      version: pmt.version,
      current: true,
      number: 0,
      last: 0,
    },
    Uint8Array.from([
      ...pidAndLength(pmt.pcrPid, pmt.descriptors.length),
      ...pmt.descriptors,
      ...pmt.streams.flatMap((stream) => [
        stream.streamType,
        ...pidAndLength(stream.pid, stream.descriptors.length),
        ...stream.descriptors,
      ]),
    ]),
  )

const pidAndLength = (pid: Pid, length: number): number[] => [
  0xe0 | (pid >> 8),
  pid & 0xff,
  0xf0 | (length >> 8),
  length & 0xff,
]

/** SDT of the actual transport stream with one service. */
export const buildSdt = (sdt: {
  readonly transportStreamId: number
  readonly networkId: number
  readonly version: number
  readonly service: SdtService
}): Uint8Array => {
  const provider = encodeDvbText(sdt.service.provider)
  const name = encodeDvbText(sdt.service.name)
  const service = descriptor(DESCRIPTOR_SERVICE, [
    SERVICE_TELEVISION,
    provider.length,
    ...provider,
    name.length,
    ...name,
  ])
  return buildSection(
    {
      tableId: TABLE_SDT_ACTUAL,
      extension: sdt.transportStreamId,
      version: sdt.version,
      current: true,
      number: 0,
      last: 0,
      reserved: 0x70,
    },
    Uint8Array.from([
      sdt.networkId >> 8,
      sdt.networkId & 0xff,
      0xff,
      sdt.service.service >> 8,
      sdt.service.service & 0xff,
      0xfc,
      (STATUS_RUNNING << 5) | (service.length >> 8),
      service.length & 0xff,
      ...service,
    ]),
  )
}
