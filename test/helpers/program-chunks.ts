import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Ticks90k } from '../../src/contract/time.ts'
import { ticks } from '../../src/contract/time.ts'

const PACKET = 188
export const VIDEO_PID = 0x100
export const AUDIO_PID = 0x101
export const PMT_PID = 0x1000
export const PROGRAM_PIDS: readonly number[] = [0, 0x11, PMT_PID, VIDEO_PID, AUDIO_PID]

export interface ProgramChunk {
  readonly bytes: Buffer
  readonly time: Ticks90k
  readonly randomAccess: number
}

const run = promisify(execFile)

/** H.264 at 25 frames per second with a random access point every `gop` pictures, AAC; PAT and PMT before each picture. */
export const encodeProgram = async (options: {
  readonly seconds: number
  readonly gop: number
}): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-program-'))
  try {
    const path = join(folder, 'program.ts')
    await run('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'],
      ...['-f', 'lavfi', '-i', 'sine=500:sample_rate=48000', '-t', String(options.seconds)],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', String(options.gop), '-b:v', '800k'],
      ...[
        '-maxrate',
        '800k',
        '-bufsize',
        '200k',
        '-c:a',
        'aac',
        '-b:a',
        '96k',
        '-pes_payload_size',
        '0',
      ],
      ...['-f', 'mpegts', '-mpegts_flags', '+pat_pmt_at_frames', path],
    ])
    return await readFile(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

export const pidAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at + 1]! & 0x1f) << 8) | bytes[at + 2]!

export const startsUnit = (bytes: Uint8Array, at: number): boolean => (bytes[at + 1]! & 0x40) !== 0

export const hasRandomAccessFlag = (bytes: Uint8Array, at: number): boolean =>
  (bytes[at + 3]! & 0x20) !== 0 && bytes[at + 4]! > 0 && (bytes[at + 5]! & 0x40) !== 0

/** One chunk per picture, from its PAT on; the first one is a random access point. */
export const cutProgram = (bytes: Buffer): readonly ProgramChunk[] => {
  const starts: number[] = []
  for (let at = 0; at < bytes.length; at += PACKET) if (pidAt(bytes, at) === 0) starts.push(at)
  const chunks: ProgramChunk[] = []
  for (const [index, start] of starts.entries()) {
    const part = bytes.subarray(start, starts[index + 1] ?? bytes.length)
    const picture = pictureIn(part)
    const time = picture?.dts ?? chunks.at(-1)?.time ?? 0
    chunks.push({ bytes: part, time: ticks(time), randomAccess: picture?.key === true ? 0 : -1 })
  }
  // An audio frame in front of the first random access point is dropped.
  return chunks.slice(chunks.findIndex((chunk) => chunk.randomAccess >= 0))
}

const pictureIn = (bytes: Buffer): { readonly dts: number; readonly key: boolean } | undefined => {
  for (let at = 0; at < bytes.length; at += PACKET) {
    if (pidAt(bytes, at) !== VIDEO_PID || !startsUnit(bytes, at)) continue
    const adaptation = bytes[at + 3]! & 0x20 ? 1 + bytes[at + 4]! : 0
    const pes = at + 4 + adaptation
    const stamp = pes + (bytes[pes + 7]! & 0x40 ? 14 : 9)
    const dts =
      (bytes[stamp]! & 0x0e) * 2 ** 29 +
      (bytes[stamp + 1]! << 22) +
      ((bytes[stamp + 2]! & 0xfe) << 14) +
      (bytes[stamp + 3]! << 7) +
      (bytes[stamp + 4]! >> 1)
    return { dts, key: hasRandomAccessFlag(bytes, at) }
  }
  return undefined
}

/** Errors that a receiver would report: packets out of sync, and counters that jump without a discontinuity indicator. */
export const continuityErrors = (bytes: Uint8Array): readonly string[] => {
  const errors: string[] = []
  const last = new Map<number, number>()
  for (let at = 0; at + PACKET <= bytes.length; at += PACKET) {
    if (bytes[at] !== 0x47) errors.push(`no sync byte at ${at}`)
    const pid = pidAt(bytes, at)
    if (pid === 0x1fff) continue
    const counter = bytes[at + 3]! & 0x0f
    const before = last.get(pid)
    const payload = (bytes[at + 3]! & 0x10) !== 0
    const flagged =
      (bytes[at + 3]! & 0x20) !== 0 && bytes[at + 4]! > 0 && (bytes[at + 5]! & 0x80) !== 0
    const expected = before === undefined ? counter : (before + (payload ? 1 : 0)) & 0x0f
    if (!flagged && counter !== expected)
      errors.push(`PID ${pid} at ${at}: ${counter} after ${before}`)
    last.set(pid, counter)
  }
  return errors
}

/** A packet with payload only, filled with `fill`. */
export const plainPacket = (options: {
  readonly pid: number
  readonly counter: number
  readonly fill?: number
}): Buffer => {
  const packet = Buffer.alloc(PACKET, options.fill ?? 0)
  packet.set([0x47, options.pid >> 8, options.pid & 0xff, 0x10 | (options.counter & 0x0f)])
  return packet
}
