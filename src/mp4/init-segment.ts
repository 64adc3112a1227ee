import { ascii, box, fullBox, u16, u32, zeros } from './box.ts'
import { sampleEntry } from './sample-entry.ts'
import type { Mp4Track } from './track.ts'

/** Clauses are of ISO/IEC 14496-12. */
const MOVIE_TIMESCALE = 1000
const RATE_1 = 0x00010000
const VOLUME_1 = 0x0100
/** Track is enabled, and part of the presentation (8.3.2). */
const ENABLED_IN_MOVIE = 3
const SELF_CONTAINED = 1
const MATRIX = u32(RATE_1, 0, 0, 0, RATE_1, 0, 0, 0, 0x40000000)
const DESCRIPTION_INDEX = 1
const UNDETERMINED = 'und'

/** ftyp and moov with mvex: the configuration of decoders, without times or samples. */
export function initSegment(tracks: readonly Mp4Track[]): Uint8Array {
  const first = tracks[0]
  if (first === undefined) throw new RangeError('an initialisation segment needs a track')
  // CMAF (ISO/IEC 23000-19) has one track per file; recordings have all of them.
  const brands = tracks.length === 1 ? ['iso6', 'cmfc', 'dash', 'mp41'] : ['iso6', 'dash', 'mp41']
  const nextTrack = Math.max(...tracks.map((track) => track.id)) + 1
  const fileType = box('ftyp', ascii('iso6'), u32(0), ...brands.map(ascii))
  const trackExtends = tracks.map((track) =>
    fullBox('trex', {}, u32(track.id, DESCRIPTION_INDEX, 0, 0, 0)),
  )
  const movie = box(
    'moov',
    movieHeader(nextTrack),
    ...tracks.map(trackBox),
    box('mvex', ...trackExtends),
  )
  const out = new Uint8Array(fileType.length + movie.length)
  out.set(fileType)
  out.set(movie, fileType.length)
  return out
}

/** mvhd, 8.2.2. */
const movieHeader = (nextTrack: number): Uint8Array =>
  fullBox(
    'mvhd',
    {},
    u32(0, 0, MOVIE_TIMESCALE, 0, RATE_1),
    u16(VOLUME_1),
    zeros(10),
    MATRIX,
    zeros(24),
    u32(nextTrack),
  )

const trackBox = (track: Mp4Track): Uint8Array =>
  box(
    'trak',
    trackHeader(track),
    box(
      'mdia',
      fullBox('mdhd', {}, u32(0, 0, track.timescale, 0), languageBytes(track), zeros(2)),
      handler(track),
      mediaInformation(track),
    ),
  )

/** tkhd, 8.3.2: the size as shown, in square pixels. */
const trackHeader = (track: Mp4Track): Uint8Array => {
  const aspect = track.kind === 'video' ? (track.pixelAspect ?? { num: 1, den: 1 }) : undefined
  const size =
    track.kind === 'video' && aspect !== undefined
      ? [Math.round((track.width * aspect.num * 0x10000) / aspect.den), track.height * 0x10000]
      : [0, 0]
  return fullBox(
    'tkhd',
    { flags: ENABLED_IN_MOVIE },
    u32(0, 0, track.id, 0, 0),
    zeros(8),
    u16(0, track.kind === 'video' ? 0 : 1, track.kind === 'video' ? 0 : VOLUME_1, 0),
    MATRIX,
    u32(...size),
  )
}

/** Three letters of five bits each (8.4.2). */
const languageBytes = (track: Mp4Track): Uint8Array => {
  const language = track.kind === 'audio' ? track.language : UNDETERMINED
  const code = /^[a-z]{3}$/.test(language) ? language : UNDETERMINED
  const [a, b, c] = Array.from(code, (letter) => letter.charCodeAt(0) - 0x60)
  return u16((a! << 10) | (b! << 5) | c!)
}

/** hdlr, 8.4.3. */
const handler = ({ kind }: Mp4Track): Uint8Array => {
  const name = kind === 'video' ? 'VideoHandler' : 'SoundHandler'
  return fullBox(
    'hdlr',
    {},
    u32(0),
    ascii(kind === 'video' ? 'vide' : 'soun'),
    zeros(12),
    ascii(`${name}\0`),
  )
}

/** minf, 8.4.4: the sample tables are empty, all samples are in fragments. */
const mediaInformation = (track: Mp4Track): Uint8Array =>
  box(
    'minf',
    track.kind === 'video'
      ? fullBox('vmhd', { flags: 1 }, zeros(8))
      : fullBox('smhd', {}, zeros(4)),
    box('dinf', fullBox('dref', {}, u32(1), fullBox('url ', { flags: SELF_CONTAINED }))),
    box(
      'stbl',
      fullBox('stsd', {}, u32(1), sampleEntry(track)),
      fullBox('stts', {}, u32(0)),
      fullBox('stsc', {}, u32(0)),
      fullBox('stsz', {}, u32(0, 0)),
      fullBox('stco', {}, u32(0)),
    ),
  )
