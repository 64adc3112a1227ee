import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAWLESS } from '../helpers/capture-verdict.ts'
import { E2eBench, seconds } from '../helpers/e2e-bench.ts'
import { ffmpeg } from '../helpers/ffmpeg-tools.ts'
import { runCommand } from '../helpers/sluice-build.ts'

let bench: E2eBench
beforeAll(() => {
  bench = new E2eBench()
  writeFileSync(bench.path('notes.txt'), 'This is a text.\n'.repeat(100))
})
afterAll(() => bench.close())

const BASE = 'base=test:?size=320x180&rate=25&bframes=2'

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCommand({ command: process.execPath, args: [bench.main, ...args], env })

/** Bytes of the beginning of the answer, as text. */
const raw = (address: string, request: string): Promise<string> =>
  new Promise((resolve) => {
    const { port } = new URL(address)
    let answer = ''
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(request, 'latin1'))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(answer))
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1')
      if (answer.length > 4_000) socket.destroy()
    })
  })

describe('what is wrong at the start ends it with a sentence', () => {
  it.each([
    {
      what: 'a field that is unknown',
      toml: 'latencyMss = 3\n',
      code: 2,
      says: /x\.toml:1: latencyMss: unknown field; did you mean "latencyMs"/,
    },
    {
      what: 'a field of another type',
      toml: '[[sources]]\nid = "a"\nurl = "bars:"\npriority = "high"\n',
      code: 2,
      says: /x\.toml:4: sources\[0\]\.priority: "high" is not a whole number/,
    },
  ])('$what in the configuration', async ({ toml, code, says }) => {
    writeFileSync(bench.path('x.toml'), toml)
    const { code: ended, err } = await run(['run', '--config', bench.path('x.toml')])
    expect(err).toMatch(says)
    expect(ended).toBe(code)
  })

  it.each([
    {
      what: 'a scheme nobody reads',
      args: ['-s', 'a=gopher://x'],
      code: 2,
      says: /source a, url gopher:\/\/x: .*"gopher:" is not supported; use /,
    },
    {
      what: 'an output nobody writes',
      args: ['-s', 'a=bars:', '-o', 'ftp://x'],
      code: 2,
      says: /"ftp:" is not an output; use udp:/,
    },
    {
      what: 'an address that others can reach, without a token',
      args: ['-s', 'a=bars:', '--listen', '0.0.0.0:0'],
      code: 2,
      says: /a token is needed/,
    },
  ])('$what', async ({ args, code, says }) => {
    const ended = await run(['run', ...args])
    expect(ended.err).toMatch(says)
    expect(ended.code).toBe(code)
  })

  it('a port in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()))
    const { port } = other.address() as { port: number }
    const ended = await run(['run', '-s', 'a=bars:', '--listen', `127.0.0.1:${port}`])
    other.close()
    expect(ended).toMatchObject({ code: 1 })
    expect(ended.err).toMatch(/is in use by another program: choose another port/)
  })

  it.each([
    { what: 'no ffmpeg', script: undefined, says: /ffmpeg is not on PATH; install it/ },
    {
      what: 'an old ffmpeg',
      script: 'echo "ffmpeg version 4.2 Copyright"',
      says: /ffmpeg 4\.2 found at .*; Sluice needs 4\.4 or newer/,
    },
  ])('$what', async ({ script, says }) => {
    const folder = bench.path(`bin-${script === undefined ? 'empty' : 'old'}`)
    mkdirSync(folder)
    if (script !== undefined) {
      writeFileSync(`${folder}/ffmpeg`, `#!/bin/sh\n${script}\n`)
      chmodSync(`${folder}/ffmpeg`, 0o755)
    }
    const ended = await run(['run', '-s', 'a=bars:', '--listen', '127.0.0.1:0'], { PATH: folder })
    expect(ended.err).toMatch(says)
    expect(ended.code).toBe(1)
  })

  it('probe says that a text is no media', async () => {
    const { code, err } = await run(['probe', bench.path('notes.txt')])
    expect(err).toMatch(/it is text, not media/)
    expect(code).not.toBe(0)
  })
})

describe('what is wrong on the air is told, and the program goes on', () => {
  it('answers takes to what cannot play, requests that are none, and foreign pages', async () => {
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=320x180',
      '-t',
      '1',
      '-c:v',
      'libvpx-vp9',
      '-cpu-used',
      '8',
      '-deadline',
      'realtime',
      bench.path('vp9.webm'),
    )
    writeFileSync(
      bench.path('c.toml'),
      ['base', 'gone', 'dead', 'text', 'copied']
        .map((id) => {
          const urls: Record<string, string> = {
            base: 'test:?size=320x180&rate=25&bframes=2',
            gone: bench.path('gone.mp4'),
            dead: 'http://127.0.0.1:9/x.ts',
            text: bench.path('notes.txt'),
            copied: bench.path('vp9.webm'),
          }
          const recipe = id === 'copied' ? 'recipe = "copy"\n' : ''
          return `[[sources]]\nid = "${id}"\nurl = "${urls[id]}"\n${recipe}`
        })
        .join(''),
    )
    const sluice = await bench.sluice('--config', bench.path('c.toml'))
    await sluice.onAir('base')
    await sluice.until(({ sources }) => sources.slice(1).every(({ lastError }) => lastError))
    const verdict = await bench.watch(sluice, { seconds: 2 }, async () => {
      const refusals = await Promise.all(['gone', 'nobody'].map((id) => sluice.take(id)))
      expect(refusals).toMatchObject([{ why: 'source_failed' }, { why: 'unknown_source' }])
      for (const [id, says] of [
        ['dead', /connection refused/],
        ['text', /it is text, not media/],
        ['copied', /codec vp9 can't be carried in MPEG-TS; use recipe transcode or auto/],
      ] as const) {
        // Not in the moment of its next attempt, which a take would wait for.
        await sluice.until(({ sources }) =>
          sources.some((source) => source.id === id && /waiting|failed/.test(source.state)),
        )
        const answer = await sluice.take(id)
        expect(answer).toMatchObject({ ok: false, why: 'source_failed' })
        expect(JSON.stringify(answer)).toMatch(says)
      }
      expect(await sluice.take('base')).toMatchObject({ ok: false, why: 'already_on_air' })
      expect(await sluice.send('POST', '/preview/take', {})).toMatchObject({ ok: false })
      const host = `Host: ${new URL(sluice.address).host}`
      expect(await raw(sluice.address, '\0\x01garbage\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /)
      expect(
        await raw(
          sluice.address,
          'GET /status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
        ),
      ).toMatch(/^HTTP\/1.1 403 /)
      expect(
        await raw(
          sluice.address,
          `GET /status HTTP/1.1\r\n${host}\r\nOrigin: http://evil.example\r\nConnection: close\r\n\r\n`,
        ),
      ).toMatch(/^HTTP\/1.1 403 /)
      // As set-top boxes ask: HTTP/1.0, without a Host.
      expect(
        await raw(sluice.address, 'GET /stream.ts HTTP/1.0\r\nUser-Agent: box\r\n\r\n'),
      ).toMatch(/^HTTP\/1.1 200 OK\r\nContent-Type: video\/mp2t[^]*\r\n\r\nG/)
      await seconds(2)
    })
    expect(verdict).toEqual(FLAWLESS)
    expect(await sluice.get('/health')).toMatchObject({ status: 'ok', onAir: 'base' })
  })
})

describe('secrets in addresses of sources', () => {
  it('are nowhere to be read', async () => {
    const [key, pass] = ['SECRETKEY77', 'passphrase-XYZ-12']
    const sluice = await bench.sluice(
      ...['-s', BASE, '-s', `rtmp=rtmp://127.0.0.1:9/app/${key}`],
      ...['-s', `srt=srt://127.0.0.1:9?mode=caller&passphrase=${pass}&streamid=${key}`],
      ...[
        '-s',
        `http=http://user:${pass}@127.0.0.1:9/live.m3u8?token=${key}`,
        '--log-level',
        'debug',
      ],
    )
    await sluice.onAir('base')
    await sluice.until(({ sources }) => sources.slice(1).every(({ lastError }) => lastError))
    await Promise.all(['rtmp', 'srt', 'http'].map((id) => sluice.take(id)))
    const pages = ['/status', '/sources', '/metrics', '/health', '/']
    const texts = await Promise.all(
      pages.map(async (page) => (await fetch(sluice.address + page)).text()),
    )
    const everything = [...texts, sluice.output, JSON.stringify(sluice.events)].join('\n')
    expect(everything).toContain('rtmp://127.0.0.1:9/app/***')
    expect(everything).not.toContain(key)
    expect(everything).not.toContain(pass)
  })
})
