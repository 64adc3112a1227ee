import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const PACKET = 188
const SECONDS = 12

/** A constant 4 Mbit/s program of some seconds, with a random access point every second. */
export const makeStream = (path: string, bitrate: number): void => {
  const video = bitrate * 0.9
  execFileSync('ffmpeg', [
    ...[
      '-v',
      'error',
      '-y',
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=640x360:rate=25,noise=alls=40:allf=t',
    ],
    ...['-f', 'lavfi', '-i', 'sine=1000:sample_rate=48000', '-t', String(SECONDS)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-b:v', String(video)],
    ...['-maxrate', String(video), '-bufsize', String(video / 4), '-c:a', 'aac', '-b:a', '128k'],
    ...['-f', 'mpegts', '-muxrate', String(bitrate), '-mpegts_flags', '+pat_pmt_at_frames', path],
  ])
}

export interface Piece {
  readonly bytes: Buffer
  readonly randomAccess: number
}

/** Cuts into pieces of 40 ms; a random access point is marked at the first PAT of each second. */
export const readPieces = (path: string, bitrate: number): readonly Piece[] => {
  const file = readFileSync(path)
  const size = Math.floor((bitrate * 0.04) / 8 / PACKET) * PACKET
  const pieces: Piece[] = []
  for (let at = 0; at + size <= file.length; at += size) {
    const bytes = file.subarray(at, at + size)
    const entry = pieces.length % 25 === 0
    pieces.push({ bytes, randomAccess: entry ? patIn(bytes) : -1 })
  }
  return pieces
}

const patIn = (bytes: Buffer): number => {
  for (let at = 0; at < bytes.length; at += PACKET) {
    if ((bytes[at + 1]! & 0x1f) === 0 && bytes[at + 2] === 0) return at
  }
  return 0
}
