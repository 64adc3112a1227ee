import type { AudioCodec } from '../contract/format.ts'
import { GLOBAL } from './arguments.ts'

export type AudioEncoding = 'mp3' | 'aac' | 'opus'

export interface AudioEncodeRequest {
  /** Codec of the frames on stdin; each frame has its own header. */
  readonly input: AudioCodec
  readonly output: {
    readonly format: AudioEncoding
    readonly bitrate: number
    readonly sampleRate: number
    readonly channels: number
  }
  /** Samples left out at the beginning, at the output's rate. */
  readonly skipSamples: number
}

/** FFmpeg's names of raw streams. That of MPEG audio covers all layers. */
const DEMUXERS: Readonly<Record<AudioCodec, string>> = {
  aac: 'aac',
  aac_latm: 'loas',
  mp1: 'mp3',
  mp2: 'mp3',
  mp3: 'mp3',
  ac3: 'ac3',
  eac3: 'eac3',
}

export const AUDIO_ENCODERS: Readonly<Record<AudioEncoding, string>> = {
  mp3: 'libmp3lame',
  aac: 'aac',
  opus: 'libopus',
}

/**
 * Without the bit reservoir each MP3 frame is self-contained: a listener begins at any of them, and a restarted encoder
 * joins where the one before ended. One page of Ogg per packet: otherwise FFmpeg holds back a second of them.
 */
const OUTPUTS: Readonly<Record<AudioEncoding, readonly string[]>> = {
  mp3: ['-reservoir', '0', '-write_xing', '0', '-id3v2_version', '0', '-f', 'mp3'],
  aac: ['-f', 'adts'],
  opus: ['-vbr', 'constrained', '-frame_duration', '20', '-page_duration', '20000', '-f', 'ogg'],
}

/**
 * Coded audio frames on stdin, re-encoded on stdout.
 *
 * Measured with FFmpeg 5.1 on frames written as they fall due: the first byte after 1,075 ms with FFmpeg's own probing,
 * after 60 to 100 ms with these options, and from then on 25 to 60 ms behind the input; `-fflags nobuffer` loses what was
 * probed and fails. Time stamps are counted from the samples: those that FFmpeg guesses for a raw stream are not even.
 */
export const audioEncodeArguments = ({
  input,
  output,
  skipSamples,
}: AudioEncodeRequest): readonly string[] => {
  const skip =
    skipSamples > 0 ? [`atrim=start_sample=${skipSamples}`, 'asetpts=N/SR/TB'] : ([] as const)
  const filters = [`aresample=${output.sampleRate}`, 'asetpts=N/SR/TB', ...skip]
  return [
    ...GLOBAL,
    ...['-protocol_whitelist', 'pipe', '-probesize', '32', '-analyzeduration', '0'],
    ...['-f', DEMUXERS[input], '-i', 'pipe:0', '-map', '0:a:0', '-map_metadata', '-1'],
    ...['-af', filters.join(','), '-ac', String(output.channels)],
    ...['-c:a', AUDIO_ENCODERS[output.format], '-b:a', String(output.bitrate)],
    ...OUTPUTS[output.format],
    ...['-flush_packets', '1', 'pipe:1'],
  ]
}
