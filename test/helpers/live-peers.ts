import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { ffmpeg } from './ffmpeg-tools.ts'

/** A process of the test that sends to Sluice. */
export interface Peer {
  readonly pid: number
  signal(name: NodeJS.Signals): void
  end(): Promise<void>
}

/** Encodes the material once, so that sending costs little. */
export const makeLiveMaterial = (
  path: string,
  options: { seconds: number; tone: number },
): void => {
  const videoInput = ['-f', 'lavfi', '-i', 'testsrc2=s=320x180:r=25']
  const audioInput = ['-f', 'lavfi', '-i', `sine=f=${options.tone}:r=48000`]
  const video = '-c:v libx264 -profile:v high -preset ultrafast -bf 2 -g 25 -pix_fmt yuv420p'
  const audio = '-c:a aac -ac 2 -b:a 96k'
  const outputArgs = [...video.split(' '), ...audio.split(' '), '-t', String(options.seconds)]
  ffmpeg(...videoInput, ...audioInput, ...outputArgs, '-f', 'mpegts', path)
}

/** Plays the material in real time from its beginning; its timestamps begin there too. */
export const sendLive = (material: string, format: 'mpegts' | 'flv', url: string): Peer => {
  const reorder = format === 'flv' ? ['-bsf:a', 'aac_adtstoasc'] : []
  const args = ['-re', '-i', material, '-c', 'copy', ...reorder, '-f', format, url]
  const quiet = ['-nostdin', '-hide_banner', '-loglevel', 'error']
  return peerOf(spawn('ffmpeg', [...quiet, ...args], { stdio: 'ignore' }))
}

const peerOf = (child: ChildProcess): Peer => {
  const ended = once(child, 'exit')
  return {
    pid: child.pid!,
    signal: (name) => void child.kill(name),
    end: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}
