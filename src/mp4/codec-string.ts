import { BitReader } from '../codec/bit-reader.ts'
import { objectTypeOf } from './object-type.ts'
import { videoEntryName } from './sample-entry.ts'
import type { Mp4AudioTrack, Mp4Track, Mp4VideoTrack } from './track.ts'

const AAC = 0x40
/**
 * The object types of MP3 would be mp4a.6B or mp4a.69. Apple's authoring rules for HLS require mp4a.40.34, and hls.js
 * plays MP3 itself by this string only: with the others it drops the rendition where the browser supports neither.
 */
const MP3 = 'mp4a.40.34'
const ESCAPE_OBJECT = 31

/**
 * RFC 6381 and ISO/IEC 14496-15 annex E: 'avc1.64001f', 'hvc1.1.6.L93.B0', 'mp4a.40.2', 'ac-3' … For a transport
 * stream the same strings hold: build the track with videoTrackOf or audioTrackOf.
 */
export function codecString(track: Mp4Track): string {
  if (track.kind === 'audio') return audioString(track)
  return track.codec === 'h264' ? avcString(track) : hevcString(track)
}

/** Profile, constraints and level in six digits: bytes 1 to 3 of the record. */
const avcString = (track: Mp4VideoTrack): string => {
  const { config } = track
  return `${videoEntryName(track)}.${hex(config[1]!)}${hex(config[2]!)}${hex(config[3]!)}`
}

const hex = (value: number): string => value.toString(16).padStart(2, '0')

/** E.3: profile, compatibility in reverse bit order, tier and level, constraint bytes without trailing zeros. */
const hevcString = (track: Mp4VideoTrack): string => {
  const r = new BitReader(track.config, 1, track.config.length, 'plain')
  const space = ['', 'A', 'B', 'C'][r.bits(2)]
  const tier = r.flag() ? 'H' : 'L'
  const profile = r.bits(5)
  let compatibility = 0
  for (let bit = 0; bit < 32; bit++) compatibility += r.bits(1) * 2 ** bit
  const constraints = Array.from({ length: 6 }, () => r.bits(8))
  while (constraints.at(-1) === 0) constraints.pop()
  const level = r.bits(8)
  const head = `${space}${profile}.${compatibility.toString(16)}.${tier}${level}`
  const tail = constraints.map((byte) => byte.toString(16))
  return [videoEntryName(track), head, ...tail]
    .join('.')
    .toUpperCase()
    .replace(/^..../, (name) => name.toLowerCase())
}

const audioString = (track: Mp4AudioTrack): string => {
  if (track.codec === 'ac3') return 'ac-3'
  if (track.codec === 'eac3') return 'ec-3'
  if (track.codec === 'mp3') return MP3
  const type = objectTypeOf(track)
  if (type !== AAC) return `mp4a.${type.toString(16).toUpperCase()}`
  const r = new BitReader(track.config, 0, track.config.length, 'plain')
  const object = r.bits(5)
  return `mp4a.40.${object === ESCAPE_OBJECT ? 32 + r.bits(6) : object}`
}
