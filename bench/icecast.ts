/**
 * Icecast: takes with the running program, a real Icecast and listeners of it and of Sluice itself. How many source logins,
 * how many gaps and undecodable frames; beside it the same number of takes with an FFmpeg that is restarted for each.
 *
 *     bin/bench icecast [--takes 200] [--every 700] [--format mp3] [--kills 5] [--no-peer]
 *
 * A short form, about 40 s: bin/bench icecast --takes 20 --kills 2
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { missingCommand } from '../test/helpers/missing-command.ts'
import { freePort } from '../test/helpers/ffmpeg-tools.ts'
import { IcecastServer, SOURCE_PASSWORD } from '../test/helpers/icecast-server.ts'
import { makeLiveMaterial, sendLive } from '../test/helpers/live-peers.ts'
import { RunningSluice } from '../test/helpers/running-sluice.ts'
import { Hearing, type Format, type Heard } from './icecast/hearing.ts'
import { RestartedPush } from './icecast/restarted-push.ts'
import { pause, round } from './support/figures.ts'

const MOUNT = '/bench'
const PEER_MOUNT = '/peer'
const TONES = { a: 440, b: 880 } as const
const START_SECONDS = 40
/** Allowed delay of a take on a busy machine. */
const TAKE_SECONDS = 0.8

const { values } = parseArgs({
  allowNegative: true,
  options: {
    takes: { type: 'string', default: '200' },
    every: { type: 'string', default: '700' },
    format: { type: 'string', default: 'mp3' },
    kills: { type: 'string', default: '5' },
    peer: { type: 'boolean', default: true },
  },
})
const [takes, everyMs, kills] = [Number(values.takes), Number(values.every), Number(values.kills)]
const format = values.format as Format

const row = (heard: Heard, wallSeconds: number, logins: number | string): object => ({
  'source logins': logins,
  'listener connections': heard.connections,
  'heard s': round(heard.seconds),
  'wall s': round(wallSeconds),
  'gaps > 30 ms': heard.gaps,
  'longest gap ms': round(heard.longestGapMs),
  undecodable: heard.undecodable,
  'longest wait ms': round(heard.longestWaitMs),
})

const config = (ports: readonly number[], server: IcecastServer): string => `
[[sources]]
id = "a"
url = "udp://127.0.0.1:${ports[0]}"
[[sources]]
id = "b"
url = "udp://127.0.0.1:${ports[1]}"
[listeners]
bitrate = "64k"
[[outputs]]
id = "radio"
url = "icecast://source@127.0.0.1:${server.port}${MOUNT}"
icecast = { format = "${format}", bitrate = "64k", password = "{env:RADIO_PASSWORD}" }
`

const measure = async (server: IcecastServer, folder: string): Promise<Record<string, object>> => {
  const ports = [await freePort(), await freePort()] as const
  const seconds = Math.ceil(takes * (everyMs / 1_000 + TAKE_SECONDS)) + START_SECONDS
  const senders = (['a', 'b'] as const).map((source, index) => {
    const path = join(folder, `${source}.ts`)
    makeLiveMaterial(path, { seconds, tone: TONES[source] })
    return sendLive(path, 'mpegts', `udp://127.0.0.1:${ports[index]!}?pkt_size=1316`)
  })
  const file = join(folder, 'channel.toml')
  writeFileSync(file, config(ports, server))
  const sluice = await RunningSluice.start({
    main: fileURLToPath(new URL('../src/main.js', import.meta.url)),
    args: ['--config', file],
    stateDir: join(folder, 'state'),
    env: { RADIO_PASSWORD: SOURCE_PASSWORD },
  })
  try {
    await sluice.ready('a', 'b')
    await sluice.until(({ outputs }) => outputs.some(({ state }) => state === 'running'))
    await pause(1_500)
    const hearings = [
      new Hearing(server.url(MOUNT), format),
      new Hearing(`${sluice.address}/listen.${format}`, format),
    ]
    for (const hearing of hearings) hearing.begin()
    const begun = performance.now()
    const done = await takeAgainAndAgain(sluice)
    await pause(1_000)
    const wall = (performance.now() - begun) / 1_000
    const [icecast, direct] = await Promise.all(hearings.map((hearing) => hearing.end()))
    const radio = (await sluice.status()).outputs.find(({ id }) => id === 'radio')
    console.log(
      `${done} of ${takes} takes done, ${kills} encoders killed; output: ${JSON.stringify(radio)}`,
    )
    return {
      'sluice, through Icecast': row(icecast!, wall, server.logins(MOUNT)),
      'sluice, direct': row(direct!, wall, '-'),
    }
  } finally {
    await sluice.stop()
    await Promise.all(senders.map((sender) => sender.end()))
  }
}

const takeAgainAndAgain = async (sluice: RunningSluice): Promise<number> => {
  let done = 0
  const killEvery = kills > 0 ? Math.max(1, Math.floor(takes / (kills + 1))) : takes + 1
  let killed = 0
  const begun = performance.now()
  for (let take = 1; take <= takes; take++) {
    const answer = await sluice.take(take % 2 === 0 ? 'a' : 'b', 'cutover')
    if (answer.ok) done++
    if (take % killEvery === 0 && killed < kills) {
      killed++
      const { outputs } = await sluice.status()
      const pid = outputs.find(({ id }) => id === 'radio')?.details?.['encoderPid']
      if (typeof pid === 'number') process.kill(pid, 'SIGKILL')
    }
    await pause(Math.max(100, begun + take * everyMs - performance.now()))
  }
  return done
}

const measurePeer = async (server: IcecastServer): Promise<Record<string, object>> => {
  const password = encodeURIComponent(SOURCE_PASSWORD)
  const url = `icecast://source:${password}@127.0.0.1:${server.port}${PEER_MOUNT}`
  const push = new RestartedPush(url, TONES)
  const hearing = new Hearing(server.url(PEER_MOUNT), 'mp3')
  // Each take costs it a second or so: fewer takes show the cost of one.
  const count = Math.min(takes, 20)
  await push.take('a')
  await pause(2_000)
  hearing.begin()
  const begun = performance.now()
  for (let take = 1; take <= count; take++) {
    await push.take(take % 2 === 0 ? 'a' : 'b')
    await pause(Math.max(1_500, everyMs))
  }
  const wall = (performance.now() - begun) / 1_000
  const heard = await hearing.end()
  await push.stop()
  return { [`ffmpeg restarted ${count} times`]: row(heard, wall, server.logins(PEER_MOUNT)) }
}

const folder = mkdtempSync(join(tmpdir(), 'icecast-bench-'))
const server = await IcecastServer.start()
try {
  const table = await measure(server, folder)
  if (values.peer) Object.assign(table, await measurePeer(server))
  console.table(table)
  const liquidsoap = missingCommand('liquidsoap')
    ? 'not installed'
    : 'installed, but not measured here'
  console.log(`liquidsoap: ${liquidsoap}`)
} finally {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
}
