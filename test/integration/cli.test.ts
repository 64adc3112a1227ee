import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { channelStatus, takeDone } from '../helpers/channel-fixture.ts'
import {
  buildSluice,
  copyLauncher,
  type Ran,
  runCommand,
  type RunRequest,
  type SluiceBuild,
} from '../helpers/sluice-build.ts'

let build: SluiceBuild
let folder: string

beforeAll(() => {
  build = buildSluice()
  folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const sluice = (
  args: readonly string[],
  rest: Omit<RunRequest, 'command' | 'args'> = {},
): Promise<Ran> => runCommand({ command: build.bin, args, ...rest })

const fileWith = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('the launcher', () => {
  test('works through a symbolic link from elsewhere', async () => {
    const link = join(folder, 'sluice-link')
    symlinkSync(build.bin, link)
    expect(await runCommand({ command: link, args: ['--version'] })).toEqual({
      code: 0,
      out: '0.1.0\n',
      err: '',
    })
  })

  test('without a build and without TypeScript it names the command that builds', async () => {
    const bare = mkdtempSync(join(folder, 'bare-'))
    copyLauncher(bare)
    const { code, err } = await runCommand({
      command: join(bare, 'bin/sluice'),
      args: ['--version'],
    })
    expect(code).toBe(1)
    expect(err).toBe(`sluice: not built yet; run: (cd '${bare}' && npm ci && npm run build)\n`)
  })
})

test('the help names every command, the exit codes and an example', async () => {
  const { code, out } = await sluice(['--help'])
  expect(code).toBe(0)
  for (const word of [
    'run',
    'take',
    'status',
    'events',
    'analyze',
    'probe',
    'Exit codes',
    'Examples',
  ]) {
    expect(out).toContain(word)
  }
})

test('the help of run names every key and its environment variables', async () => {
  const { out } = await sluice(['run', '--help'])
  for (const word of [
    '--source <id=url>',
    'SLUICE_MODE',
    '0-9 take that source',
    'take <source>',
    'channel.toml',
  ]) {
    expect(out).toContain(word)
  }
})

describe('wrong usage exits 2 with one sentence that names the option, the value and what would be right', () => {
  test.each<[string, readonly string[], Record<string, string>, string]>([
    [
      'a flag',
      ['run', '--latency', 'abc'],
      {},
      'sluice: --latency: "abc" is not a number of milliseconds (0 to 10000)\n',
    ],
    [
      'a variable',
      ['run'],
      { SLUICE_MODE: 'fast' },
      'sluice: SLUICE_MODE: "fast" is unknown; expected one of cutover, graceful, seamless\n',
    ],
    [
      'an option',
      ['run', '--latncy', '1'],
      {},
      'sluice: unknown option \'--latncy\'\n(Did you mean --latency?)\nsluice: see "sluice --help"\n',
    ],
    [
      'a command',
      ['rnu'],
      {},
      'sluice: unknown command \'rnu\'\n(Did you mean run?)\nsluice: see "sluice --help"\n',
    ],
    [
      'a missing argument',
      ['take'],
      {},
      'sluice: missing required argument \'source\'\nsluice: see "sluice --help"\n',
    ],
    [
      'a time',
      ['take', 's1', '--at', 'tomorrow'],
      {},
      'sluice: --at: "tomorrow" is not a time; expected one like 2026-01-31T20:15:00Z, or milliseconds since 1970\n',
    ],
    [
      'a mode of a take',
      ['take', 's1', '--mode', 'cut'],
      {},
      'sluice: --mode: "cut" is unknown; expected one of cutover, graceful, seamless\n',
    ],
    [
      'an address',
      ['status', '--url', 'ftp://u:hush@h'],
      {},
      'sluice: --url: "ftp://u:***@h" is not an http address; expected one like http://127.0.0.1:8099\n',
    ],
    [
      'an event id',
      ['events', '--after', 'x'],
      {},
      'sluice: --after: "x" is not the id of an event (0, 1, 2 …)\n',
    ],
    [
      'seconds',
      ['analyze', '-', '--seconds', '0'],
      {},
      'sluice: --seconds: "0" is not a number of seconds (more than 0, at most 86400)\n',
    ],
    ['a file', ['analyze', '/nowhere.ts'], {}, 'sluice: "/nowhere.ts": no such file\n'],
    [
      'a scheme',
      ['analyze', 'rtmp://h/a/key'],
      {},
      'sluice: "rtmp://h/a/***": rtmp is not read here; expected a file, http(s)://, udp:// or - (standard input, as in "ffmpeg … -f mpegts - | sluice analyze -")\n',
    ],
  ])('%s', async (_name, args, env, err) => {
    expect(await sluice(args, { env })).toEqual({ code: 2, out: '', err })
  })

  test('a file with a wrong field is told by line', async () => {
    const path = fileWith(
      'channel.toml',
      'name = "x"\n\n[[sources]]\nid = "a"\nurl = "a.ts"\ndelyMs = 40\n',
    )
    const { code, err } = await sluice(['run', '--config', path])
    expect(code).toBe(2)
    expect(err).toBe(
      `sluice: ${path}:6: sources[0].delyMs: unknown field; did you mean "delayMs"?\n`,
    )
  })
})

interface Served {
  readonly url: string
  readonly requests: {
    readonly line: string
    readonly body: string
    readonly headers: IncomingMessage['headers']
  }[]
  close(): Promise<void>
}

const serve = async (
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Served> => {
  const requests: Served['requests'] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      requests.push({ line: `${request.method} ${request.url}`, body, headers: request.headers })
      answer(request, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

const json = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const eventText = (id: number): string =>
  `id: ${id}\nevent: warning\ndata: ${JSON.stringify({ id, at: 1_700_000_000_000, channel: null, event: { type: 'warning', message: `number ${id}` } })}\n\n`

describe('against a running one', () => {
  test('take prints what the take did', async () => {
    const served = await serve((_, response) => json(response, 200, takeDone()))
    const ran = await sluice(
      ['take', 's1', '--mode', 'graceful', '--at', '2026-01-31T20:15:00Z', '--token', 'tok'],
      { env: { SLUICE_URL: served.url } },
    )
    await served.close()
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toBe(
      'on air: s1 (was s0), cutover, wait 12.3 ms, gap 0 ms, A/V +3.1 ms, at program time 00:01:00\n',
    )
    expect(served.requests).toMatchObject([
      { line: 'POST /switch', headers: { authorization: 'Bearer tok' } },
    ])
    expect(JSON.parse(served.requests[0]!.body)).toEqual({
      source: 's1',
      mode: 'graceful',
      at: '2026-01-31T20:15:00Z',
    })
  })

  test.each([404, 409])('a refusal with status %i exits 3 and says why', async (status) => {
    const refused = {
      ok: false,
      ticket: 7,
      bus: 'program',
      source: 's9',
      why: 'unknown_source',
      message: 'there is no source "s9"',
    }
    const served = await serve((_, response) => json(response, status, refused))
    const plain = await sluice(['take', 's9', '--url', served.url])
    const asJson = await sluice(['take', 's9', '--url', served.url, '--json'])
    await served.close()
    expect(plain).toEqual({
      code: 3,
      out: '',
      err: 'sluice: refused (unknown_source): there is no source "s9"\n',
    })
    expect(asJson).toMatchObject({ code: 3, err: '' })
    expect(JSON.parse(asJson.out)).toEqual(refused)
  })

  test.each([
    [
      401,
      { error: 'unauthorized', message: 'a token is needed' },
      1,
      'a token is needed; give the token with SLUICE_TOKEN or --token',
    ],
    [400, { error: 'bad_request', message: 'source is missing' }, 2, 'source is missing'],
    [500, { error: 'internal', message: 'broken' }, 1, 'broken'],
    [200, 'no JSON of ours', 4, 'it answered 200 without JSON'],
  ])('status %i is told', async (status, body, code, message) => {
    const served = await serve((_, response) => json(response, status, body))
    const ran = await sluice(['take', 's1', '--url', served.url])
    await served.close()
    expect(ran.code).toBe(code)
    expect(ran.err).toContain(message)
  })

  test('status as text and as JSON', async () => {
    const status = channelStatus()
    const served = await serve((_, response) => json(response, 200, status))
    const text = await sluice(['status', '--url', served.url])
    const asJson = await sluice(['status', '--url', served.url, '--json'])
    await served.close()
    expect(text).toMatchObject({ code: 0, err: '' })
    expect(text.out).toContain('on air s0 for 00:01:00, wanted s0, preview slate\n')
    expect(text.out).toContain('continuity errors 0, lost packets not measurable')
    expect(JSON.parse(asJson.out)).toEqual(status)
  })

  test('nobody there exits 4', async () => {
    const served = await serve(() => undefined)
    await served.close()
    for (const command of [['status'], ['take', 's1'], ['events']]) {
      const { code, err } = await sluice([...command, '--url', served.url])
      expect(code).toBe(4)
      expect(err).toBe(
        `sluice: ${served.url} does not answer (ECONNREFUSED); is "sluice run" running there? --url names another address\n`,
      )
    }
  })

  test('events go on after a lost connection where they were lost, until a signal', async () => {
    let connections = 0
    const served = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      connections++
      if (connections === 1) response.end(`: hello\n\n${eventText(7)}${eventText(8)}`)
      else response.write(eventText(9))
    })
    const ran = await sluice(['events', '--after', '6', '--url', served.url], {
      signal: { name: 'SIGINT', when: 'number 9' },
    })
    await served.close()
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(
      ran.out
        .trim()
        .split('\n')
        .map((line) => line.slice(-8)),
    ).toEqual(['number 7', 'number 8', 'number 9'])
    expect(served.requests.map(({ headers }) => headers['last-event-id'])).toEqual(['6', '8'])
  })

  test('events end when nobody reads them any more', async () => {
    let timer: NodeJS.Timeout | undefined
    const served = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      let id = 0
      timer = setInterval(() => response.write(eventText(++id)), 20)
    })
    const piped = `'${build.bin}' events --json --url ${served.url} | head -n 1`
    const ran = await runCommand({ command: 'bash', args: ['-o', 'pipefail', '-c', piped] })
    clearInterval(timer)
    await served.close()
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(ran.out)).toMatchObject({ id: 1, event: { type: 'warning' } })
  })
})

describe('probe', () => {
  const clip = async (): Promise<string> => {
    const path = join(folder, 'clip.ts')
    const lavfi = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=160x96:rate=25',
      '-f',
      'lavfi',
      '-i',
      'sine=sample_rate=48000',
    ]
    const codecs = [
      '-t',
      '1',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-pix_fmt',
      'yuv420p',
      '-c:a',
      'aac',
    ]
    const made = await runCommand({
      command: 'ffmpeg',
      args: ['-v', 'error', '-y', ...lavfi, ...codecs, path],
    })
    expect(made).toMatchObject({ code: 0 })
    return path
  }

  test('tells the tracks of a file, as text and as JSON', async () => {
    const path = await clip()
    const text = await sluice(['probe', path])
    expect(text).toMatchObject({ code: 0, err: '' })
    expect(text.out).toMatch(/video: h264 .*160x96 progressive, 25 fps/)
    expect(text.out).toMatch(/audio: aac .*48000 Hz/)
    const asJson = await sluice(['probe', path, '--json'])
    expect(JSON.parse(asJson.out)).toMatchObject({
      ok: true,
      format: 'mpegts',
      tracks: [{ kind: 'video' }, { kind: 'audio' }],
    })
  })

  test('analyze finds its tracks too', async () => {
    const { code, out } = await sluice(['analyze', await clip(), '--json'])
    expect([0, 3]).toContain(code)
    expect(JSON.parse(out)).toMatchObject({
      programs: [{ tracks: [{ kind: 'video' }, { kind: 'audio' }] }],
    })
  })

  test.each<[string, () => readonly string[], number, RegExp]>([
    ['a file that is not there', () => ['/nowhere.mp4'], 2, /^sluice: "\/nowhere.mp4": .+\n$/],
    [
      'a file that is not media',
      () => [
        fileWith(
          'noise.json',
          new Uint8Array(4_000).map((_, at) => (at * 73) & 0xff),
        ),
      ],
      1,
      /^sluice: .*noise.json": .+\n$/,
    ],
    [
      'a server that is not there',
      () => ['http://127.0.0.1:1/x?token=hush'],
      4,
      /^sluice: "http:\/\/127.0.0.1:1\/x\?token=\*\*\*": .+\n$/,
    ],
    [
      'no ffmpeg',
      () => ['x.ts', '--ffmpeg', '/nowhere/ffmpeg'],
      1,
      /^sluice: there is no program \/nowhere\/ffmpeg; install it/,
    ],
  ])('%s is one sentence', async (_name, args, code, err) => {
    const ran = await sluice(['probe', ...args()])
    expect(ran.err).toMatch(err)
    expect(ran).toMatchObject({ code, out: '' })
  })

  test('an ffmpeg that is too old is named', async () => {
    const old = fileWith('ffmpeg-old', '#!/bin/sh\necho "ffmpeg version 3.4.8 Copyright"\n')
    chmodSync(old, 0o755)
    const ran = await sluice(['probe', 'x.ts'], { env: { SLUICE_FFMPEG: old } })
    expect(ran.code).toBe(1)
    expect(ran.err).toContain('ffmpeg 3.4.8 found')
  })
})
