/** FFmpeg processes of the bench's own: senders of live material, and the way that restarts one of them at each take. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { ffmpeg } from '../../test/helpers/ffmpeg-tools.ts'
import type { NginxRtmp } from '../../test/helpers/nginx-rtmp.ts'
import { pause } from '../support/figures.ts'
import { KEY, SIZE } from './platform.ts'

const QUIET = ['-nostdin', '-hide_banner', '-loglevel', 'quiet', '-y']
const LOOP = ['-re', '-stream_loop', '-1', '-i']
const RETRY_MS = 1_000

const inputs = (pattern: string): string[] => [
  ...['-f', 'lavfi', '-i', `${pattern}=s=${SIZE}:r=25`],
  ...['-f', 'lavfi', '-i', 'sine=f=550:r=48000'],
]

/** H.264 high with B-frames and AAC, like Sluice's own test sources. */
const ENCODE =
  '-c:v libx264 -profile:v high -preset veryfast -bf 2 -g 25 -pix_fmt yuv420p -c:a aac -ac 2 -b:a 96k'.split(
    ' ',
  )

/** A minute of material. Looped, it has a hole at each seam: the audio is longer than the video. */
export const makeMaterial = (path: string, pattern: string): void =>
  ffmpeg(...inputs(pattern), '-t', '60', ...ENCODE, '-f', 'mpegts', path)

export class Peers {
  readonly #running = new Set<ChildProcess>()
  #state: 'open' | 'closed' = 'open'

  start(...args: readonly string[]): ChildProcess {
    const child = spawn('ffmpeg', [...QUIET, ...args], { stdio: 'ignore' })
    this.#running.add(child)
    child.once('exit', () => void this.#running.delete(child))
    return child
  }

  /** Sends the same bytes of one encoder to two ports. */
  twins(ports: readonly number[]): ChildProcess {
    const to = ports.map((port) => `[f=mpegts]udp://127.0.0.1:${port}?pkt_size=1316`)
    const maps = ['-map', '0:v', '-map', '1:a']
    return this.start('-re', ...inputs('testsrc2'), ...ENCODE, ...maps, '-f', 'tee', to.join('|'))
  }

  toRtmp(material: string, url: string): ChildProcess {
    return this.start(...LOOP, material, '-c', 'copy', '-f', 'flv', url)
  }

  /** Restarts it whenever it ends, as a supervisor does. */
  async keep(...args: readonly string[]): Promise<void> {
    while (this.#state === 'open') {
      await once(this.start(...args), 'exit')
      await pause(RETRY_MS)
    }
  }

  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    const overdue = setTimeout(() => child.kill('SIGKILL'), 1_000)
    await ended
    clearTimeout(overdue)
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    await Promise.all([...this.#running].map((child) => this.stop(child)))
  }
}

/** Applications of nginx that this way needs beside the platform's. */
export const SWITCH_APPLICATIONS = `
    application sources { live on; }
    application switch { live on; }
`

/**
 * Switching by restarts: an FFmpeg is restarted at each take and publishes the chosen source into nginx-rtmp; a second,
 * persistent one copies from there to the platform.
 */
export const restartedPerTake = async (
  at: { readonly nginx: NginxRtmp; readonly peers: Peers; readonly materials: readonly string[] },
  run: { readonly takes: number; readonly holdMs: number },
): Promise<void> => {
  const { nginx, peers, materials } = at
  const base = `rtmp://127.0.0.1:${nginx.port}`
  materials.forEach((material, source) => peers.toRtmp(material, `${base}/sources/s${source}`))
  await pause(2_000)
  const switched = (take: number): ChildProcess =>
    peers.start(...`-i ${base}/sources/s${take % 2} -c copy -f flv ${base}/switch/out`.split(' '))
  let switcher = switched(0)
  void peers.keep(...`-i ${base}/switch/out -c copy -f flv ${base}/live/${KEY}`.split(' '))
  await pause(4_000)
  for (let take = 1; take <= run.takes; take++) {
    await peers.stop(switcher)
    switcher = switched(take)
    await pause(run.holdMs)
  }
}
