/** Reads the track of an initialisation segment that an earlier run of Sluice wrote. */
import type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts'

const BOX_HEADER_BYTES = 8
const FULL_BOX_HEADER_BYTES = 12
/** Fields of a sample entry before its boxes: ISO/IEC 14496-12, 12.1.3 and 12.2.3. */
const VISUAL_FIELDS = 78
const AUDIO_FIELDS = 28
/** entry_count of stsd, after version and flags. */
const STSD_FIELDS = 8
/** Descriptors of esds as we write them: tag, four bytes of length, and the fields before what they contain. */
const DESCRIPTOR_HEAD = 5
const ES_FIELDS = 3
const DECODER_FIELDS = 13
const DECODER_SPECIFIC = 5
const AAC = 0x40

interface Box {
  readonly type: string
  readonly body: Uint8Array
}

/** Undefined for segments that Sluice does not write. */
export function trackOfInit(init: Uint8Array): Mp4Track | undefined {
  const track = childBox(childBox(init, 'moov'), 'trak')
  const media = childBox(track, 'mdia')
  const entries = childBox(childBox(childBox(media, 'minf'), 'stbl'), 'stsd')
  const header = childBox(media, 'mdhd')
  const trackHeader = childBox(track, 'tkhd')
  const [entry] = boxesIn(entries?.subarray(STSD_FIELDS))
  if (entry === undefined || header === undefined || trackHeader === undefined) return undefined
  const common = {
    id: uint32At(trackHeader, FULL_BOX_HEADER_BYTES),
    timescale: uint32At(header, FULL_BOX_HEADER_BYTES),
  }
  return videoOf(entry, common) ?? audioOf(entry, { ...common, language: languageIn(header) })
}

const VIDEO_ENTRIES: Readonly<Record<string, Pick<Mp4VideoTrack, 'codec' | 'parameterSets'>>> = {
  avc1: { codec: 'h264', parameterSets: 'in_entry' },
  avc3: { codec: 'h264', parameterSets: 'in_band_too' },
  hvc1: { codec: 'hevc', parameterSets: 'in_entry' },
  hev1: { codec: 'hevc', parameterSets: 'in_band_too' },
}

function videoOf(
  { type, body }: Box,
  common: Pick<Mp4VideoTrack, 'id' | 'timescale'>,
): Mp4VideoTrack | undefined {
  const entry = VIDEO_ENTRIES[type]
  const boxes = body.subarray(VISUAL_FIELDS)
  const config = entry && childBox(boxes, entry.codec === 'h264' ? 'avcC' : 'hvcC')
  if (entry === undefined || config === undefined) return undefined
  const aspect = childBox(boxes, 'pasp')
  return {
    kind: 'video',
    ...common,
    ...entry,
    width: uint16At(body, 24),
    height: uint16At(body, 26),
    ...(aspect && { pixelAspect: { num: uint32At(aspect, 0), den: uint32At(aspect, 4) } }),
    config,
  }
}

function audioOf(
  { type, body }: Box,
  common: Pick<Mp4AudioTrack, 'id' | 'timescale' | 'language'>,
): Mp4AudioTrack | undefined {
  const boxes = body.subarray(AUDIO_FIELDS)
  const found = codedAudio(type, boxes)
  if (found === undefined) return undefined
  // The timescale is the sampling rate.
  return {
    kind: 'audio',
    ...common,
    ...found,
    channels: uint16At(body, 16),
    sampleRate: common.timescale,
  }
}

function codedAudio(
  type: string,
  boxes: Uint8Array,
): Pick<Mp4AudioTrack, 'codec' | 'config'> | undefined {
  if (type === 'ac-3' || type === 'ec-3') {
    const config = childBox(boxes, type === 'ac-3' ? 'dac3' : 'dec3')
    return config && { codec: type === 'ac-3' ? 'ac3' : 'eac3', config }
  }
  const stream = type === 'mp4a' ? childBox(boxes, 'esds') : undefined
  if (stream === undefined) return undefined
  const decoder = 4 + DESCRIPTOR_HEAD + ES_FIELDS + DESCRIPTOR_HEAD
  if (stream[decoder] !== AAC) return { codec: 'mp3', config: new Uint8Array(0) }
  const specific = decoder + DECODER_FIELDS
  if (stream[specific] !== DECODER_SPECIFIC) return undefined
  const from = specific + DESCRIPTOR_HEAD
  return { codec: 'aac', config: stream.subarray(from, from + stream[specific + 4]!) }
}

const childBox = (bytes: Uint8Array | undefined, type: string): Uint8Array | undefined =>
  boxesIn(bytes).find((box) => box.type === type)?.body

function boxesIn(bytes: Uint8Array | undefined): Box[] {
  const boxes: Box[] = []
  if (bytes === undefined) return boxes
  for (let at = 0; at + BOX_HEADER_BYTES <= bytes.length;) {
    const size = uint32At(bytes, at)
    if (size < BOX_HEADER_BYTES || at + size > bytes.length) break
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + BOX_HEADER_BYTES))
    boxes.push({ type, body: bytes.subarray(at + BOX_HEADER_BYTES, at + size) })
    at += size
  }
  return boxes
}

/** Three letters of five bits each (8.4.2). */
function languageIn(header: Uint8Array): string {
  const code = uint16At(header, 20)
  return String.fromCharCode(...[10, 5, 0].map((shift) => 0x60 + ((code >> shift) & 0x1f)))
}

const uint16At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)

const uint32At = (bytes: Uint8Array, at: number): number =>
  uint16At(bytes, at) * 0x1_0000 + uint16At(bytes, at + 2)
