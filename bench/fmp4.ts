/**
 * Coded frames in, fragments of MP4 out: MB/s and the time of one fragment, by src/mp4 and by mediabunny over the same
 * frames; and mediabunny's timestamps for them. Run: bin/bench fmp4 [rounds]
 */
import { execFileSync } from 'node:child_process'
import {
  EncodedAudioPacketSource,
  EncodedPacket,
  EncodedVideoPacketSource,
  Mp4OutputFormat,
  Output,
  StreamTarget,
  type StreamTargetChunk,
} from 'mediabunny'
import type { AccessUnit } from '../src/mpegts/access-unit.ts'
import { TsDemuxer } from '../src/mpegts/demuxer.ts'
import { fragment } from '../src/mp4/fragment.ts'
import { audioSample, videoSample } from '../src/mp4/sample-data.ts'

const RATE = 48_000
const PICTURE = 3600
const SAMPLES = 1024

const makeSample = (): Buffer =>
  execFileSync(
    'ffmpeg',
    (
      '-v error -f lavfi -i testsrc2=s=1920x1080:r=25 -f lavfi -i sine=r=48000 -t 20 ' +
      '-c:v libx264 -preset ultrafast -bf 2 -g 50 -b:v 8M -minrate 8M -maxrate 8M -bufsize 8M ' +
      '-nal-hrd vbr -c:a aac -b:a 128k -f mpegts pipe:1'
    ).split(' '),
    { maxBuffer: 1e9 },
  )

interface Frames {
  readonly video: AccessUnit[]
  readonly audio: AccessUnit[]
}

const framesOf = (sample: Uint8Array): Frames => {
  const frames: Frames = { video: [], audio: [] }
  const unit = (one: AccessUnit): unknown => frames[one.kind].push(one)
  const demuxer = new TsDemuxer({ program: () => {}, format: () => {}, unit })
  demuxer.push(sample)
  demuxer.flush()
  return frames
}

/** Pictures per fragment: a part of LL-HLS (0.2 s), or a whole GOP. */
const ours = ({ video, audio }: Frames, pictures: number): number => {
  let sound = 0
  let fragments = 0
  for (let from = 0; from < video.length; from += pictures) {
    const part = video.slice(from, from + pictures)
    const begin = sound
    while (sound < audio.length && audio[sound]!.pts <= part.at(-1)!.dts) sound++
    fragment(
      ++fragments,
      [
        {
          track: 1,
          baseTime: part[0]!.dts,
          samples: part.map(({ dts, pts, rap, data }) => ({
            duration: PICTURE,
            compositionOffset: pts - dts,
            rap: rap !== 'none',
            data: videoSample('h264', data),
          })),
        },
        {
          track: 2,
          baseTime: Math.round(((audio[begin]?.pts ?? 0) * RATE) / 90_000),
          samples: audio.slice(begin, sound).map(({ data }) => ({
            duration: SAMPLES,
            compositionOffset: 0,
            rap: true,
            data: audioSample('aac', data),
          })),
        },
      ],
      'fragment',
    )
  }
  return fragments
}

const VIDEO_CONFIG = { codec: 'avc1.640028', codedWidth: 1920, codedHeight: 1080 }
const AUDIO_CONFIG = { codec: 'mp4a.40.2', sampleRate: RATE, numberOfChannels: 1 }

/** Returns the number of moof boxes written. */
const mediabunny = async ({ video, audio }: Frames): Promise<Uint8Array[]> => {
  const moofs: Uint8Array[] = []
  const output = new Output({
    format: new Mp4OutputFormat({
      fastStart: 'fragmented',
      minimumFragmentDuration: 0,
      onMoof: (moof) => moofs.push(moof.slice()),
    }),
    target: new StreamTarget(new WritableStream<StreamTargetChunk>({ write: () => {} })),
  })
  const pictures = new EncodedVideoPacketSource('avc')
  const sounds = new EncodedAudioPacketSource('aac')
  output.addVideoTrack(pictures)
  output.addAudioTrack(sounds)
  await output.start()
  let sound = 0
  for (const { data, rap, pts, dts } of video) {
    const type = rap === 'none' ? 'delta' : 'key'
    const packet = new EncodedPacket(data, type, pts / 90_000, PICTURE / 90_000)
    await pictures.add(packet, { decoderConfig: VIDEO_CONFIG })
    for (; sound < audio.length && audio[sound]!.pts <= dts; sound++) {
      const frame = audio[sound]!
      const time = frame.pts / 90_000
      const coded = new EncodedPacket(frame.data, 'key', time, SAMPLES / RATE)
      await sounds.add(coded, { decoderConfig: AUDIO_CONFIG })
    }
  }
  pictures.close()
  sounds.close()
  await output.finalize()
  return moofs
}

const print = (line: string): unknown => process.stdout.write(`${line}\n`)

const measure = async (
  name: string,
  bytes: number,
  rounds: number,
  once: () => number | Promise<number>,
): Promise<void> => {
  await once()
  const begin = performance.now()
  const cpu = process.cpuUsage()
  let fragments = 0
  for (let round = 0; round < rounds; round++) fragments += await once()
  const ms = performance.now() - begin
  const { user, system } = process.cpuUsage(cpu)
  const speed = ((bytes * rounds) / ms / 1000).toFixed(0)
  const each = (ms / fragments).toFixed(3)
  const load = ((user + system) / 1e6 / ((bytes * rounds) / 1e9)).toFixed(2)
  print(`${name}: ${speed} MB/s, ${load} CPU s per GB, ${fragments} fragments, ${each} ms each`)
}

const rounds = Number(process.argv[2] ?? 20)
const frames = framesOf(new Uint8Array(makeSample()))
const bytes = [...frames.video, ...frames.audio].reduce((sum, { data }) => sum + data.length, 0)
const keys = frames.video.filter(({ rap }) => rap !== 'none').length
print(`${(bytes / 1e6).toFixed(1)} MB, ${frames.video.length} pictures, ${keys} of them key frames`)
await measure('ours, 5 pictures per fragment', bytes, rounds, () => ours(frames, 5))
await measure('ours, 50 pictures per fragment', bytes, rounds, () => ours(frames, 50))
await measure('mediabunny', bytes, rounds, async () => (await mediabunny(frames)).length)
const moofs = await mediabunny(frames)
print(
  `mediabunny, shortest fragments it can make: ${moofs.length} of ${frames.video.length} pictures`,
)
