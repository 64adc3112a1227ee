/**
 * A push to nginx-rtmp as the platform, over takes of every mode, kills of sources, sources that go offline and come back,
 * and disconnects by the platform; beside it an FFmpeg that is restarted at each take. Half an hour in full: bin/bench push
 * [--takes 200] [--kills 30] [--offline 5] [--drops 10] [--between-drops 61 (seconds: then each is a first loss)]
 * [--peer-takes as --takes] [--hold 6000 (ms that the peer stays on a source)]. A count of 0 leaves a part out. About a
 * minute and a half: bin/bench push --takes 6 --kills 2 --offline 1 --drops 2 --between-drops 3
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { ChannelStatus } from '../src/contract/status.ts'
import { freePort } from '../test/helpers/ffmpeg-tools.ts'
import {
  startNginxRtmp,
  type NginxRtmp,
  type NginxRtmpOptions,
} from '../test/helpers/nginx-rtmp.ts'
import type { RunningSluice } from '../test/helpers/running-sluice.ts'
import { makeMaterial, Peers, restartedPerTake, SWITCH_APPLICATIONS } from './push/peers.ts'
import { dropped, KEY, recordedBy, SIZE } from './push/platform.ts'
import { pause } from './support/figures.ts'
import { withSluice } from './support/sluice.ts'

/** A source that is killed often is started again after longer and longer waits. */
const PATIENCE_MS = 90_000
/** Time to record data in transit. */
const SETTLE_MS = 1_000
const LOOK = `size=${SIZE}&rate=25&gop=25&preset=veryfast&bframes=2`

const { values } = parseArgs({
  options: {
    takes: { type: 'string', default: '200' },
    kills: { type: 'string', default: '30' },
    offline: { type: 'string', default: '5' },
    drops: { type: 'string', default: '10' },
    'peer-takes': { type: 'string' },
    'between-drops': { type: 'string', default: '61' },
    hold: { type: 'string', default: '6000' },
  },
})
const count = {
  takes: Number(values.takes),
  kills: Number(values.kills),
  offline: Number(values.offline),
  drops: Number(values.drops),
  peerTakes: Number(values['peer-takes'] ?? values.takes),
}

const takesBetween = async (
  sluice: RunningSluice,
  pair: readonly [string, string],
  mode: string,
): Promise<number> => {
  await sluice.take(pair[0])
  let made = 0
  for (let i = 1; i <= count.takes; i++) {
    const answer = await sluice.take(pair[i % 2]!, mode)
    if (answer.ok) made++
    else console.log(`${mode}: ${answer.message}`)
    await pause(150 + Math.random() * 350)
  }
  return made
}

const isHealthy =
  (source: string) =>
  ({ sources }: ChannelStatus): boolean =>
    sources.find(({ id }) => id === source)?.healthy === true

/** The reader of the source that is on the air is killed, and its substitute plays until it is back. */
const kills = async (sluice: RunningSluice): Promise<number> => {
  let survived = 0
  for (let i = 0; i < count.kills; i++) {
    const victim = i % 2 === 0 ? 'a' : 'b'
    await sluice.take(victim)
    await sluice.ready(victim, victim === 'a' ? 'b' : 'a')
    process.kill(await sluice.readerOf(victim), 'SIGKILL')
    await sluice.until(({ program }) => program.onAir !== victim)
    survived++
    await sluice.until(isHealthy(victim), PATIENCE_MS)
  }
  return survived
}

const offline = async (
  sluice: RunningSluice,
  sender: { kill(signal: NodeJS.Signals): unknown },
) => {
  let survived = 0
  for (let i = 0; i < count.offline; i++) {
    await sluice.take('t1')
    await sluice.ready('t1')
    sender.kill('SIGSTOP')
    await sluice.until(({ program }) => program.onAir === 'a' || program.onAir === 'b')
    await pause(2_000)
    sender.kill('SIGCONT')
    await sluice.until(isHealthy('t1'), PATIENCE_MS)
    survived++
  }
  return survived
}

/** Runs with the platform and adds its recordings to the result; ends it in any case. */
const withPlatform = async (
  options: NginxRtmpOptions,
  use: (nginx: NginxRtmp) => Promise<object>,
): Promise<object> => {
  const nginx = await startNginxRtmp(options)
  try {
    const told = await use(nginx)
    await pause(SETTLE_MS)
    return { ...told, ...recordedBy(nginx) }
  } finally {
    await nginx.stop()
  }
}

const acrossTakes = async (nginx: NginxRtmp): Promise<object> => {
  const peers = new Peers()
  const ports = [await freePort(), await freePort()]
  const sender = peers.twins(ports)
  const sources = [
    ...[`a=test:?${LOOK}`, `b=bars:?${LOOK}`],
    ...ports.map((port, at) => `t${at + 1}=udp://127.0.0.1:${port}`),
  ]
  const args = [
    ...['--conform', 'copy', '-o', `push=${nginx.app}/${KEY}`],
    ...sources.flatMap((source) => ['-s', source]),
  ]
  try {
    return await withSluice(args, async (sluice) => {
      await sluice.ready('a', 'b', 't1', 't2')
      const takes = {
        cutover: await takesBetween(sluice, ['a', 'b'], 'cutover'),
        graceful: await takesBetween(sluice, ['a', 'b'], 'graceful'),
        seamless: await takesBetween(sluice, ['t1', 't2'], 'seamless'),
      }
      const failures = { kills: await kills(sluice), offline: await offline(sluice, sender) }
      const { skips, errors, reconnects } = (await sluice.status()).outputs[0]!
      return { ...takes, ...failures, skips, errors, reconnects }
    })
  } finally {
    // A stopped process notices no other signal.
    sender.kill('SIGCONT')
    await peers.close()
  }
}

const afterDrops = (nginx: NginxRtmp): Promise<object> =>
  withSluice(['-o', `push=${nginx.app}/${KEY}`, '-s', `a=test:?${LOOK}`], async (sluice) => {
    await sluice.ready('a')
    const waits = await dropped(nginx, count.drops, Number(values['between-drops']) * 1_000)
    await pause(SETTLE_MS)
    return waits
  })

const ofThePeer = async (nginx: NginxRtmp, materials: readonly string[]): Promise<object> => {
  const peers = new Peers()
  try {
    const run = { takes: count.peerTakes, holdMs: Number(values.hold) }
    await restartedPerTake({ nginx, peers, materials }, run)
  } finally {
    await peers.close()
  }
  return { cutover: count.peerTakes }
}

const scratch = mkdtempSync(join(tmpdir(), 'bench-push-'))
const rows: Record<string, object> = {}
const back: Record<string, object> = {}
try {
  const materials = ['testsrc2', 'smptebars'].map((pattern) => {
    const path = join(scratch, `${pattern}.ts`)
    makeMaterial(path, pattern)
    return path
  })
  const folder = (name: string) => ({ folder: join(scratch, name) })
  if (count.takes > 0) rows['Sluice'] = await withPlatform(folder('takes'), acrossTakes)
  if (count.peerTakes > 0) {
    rows['FFmpeg per take'] = await withPlatform(
      { ...folder('restarted'), applications: SWITCH_APPLICATIONS },
      (nginx) => ofThePeer(nginx, materials),
    )
  }
  if (count.drops > 0) back['Sluice'] = await withPlatform(folder('drops'), afterDrops)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log('takes of each mode, killed readers, sources that fell silent for seconds:')
console.table(rows)
console.log('disconnects by the platform:')
console.table(back)
