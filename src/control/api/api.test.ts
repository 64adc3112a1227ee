import { checkDescribed, type OpenApiDocument } from '../../../test/helpers/described-answer.ts'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/helpers/fake-clock.ts'
import { FakeChannel } from '../../../test/helpers/fake-channel.ts'
import { SluiceError } from '../../contract/errors.ts'
import { buildLog } from '../telemetry/log.ts'
import { accessPolicy } from './access.ts'
import { buildApi, type Api } from './api.ts'
import { STATUS_OF } from './error-answer.ts'

const apis: Api[] = []
afterEach(async () => {
  for (const api of apis.splice(0)) await api.close()
})

const built = (policy = accessPolicy('127.0.0.1', undefined)) => {
  const channel = new FakeChannel()
  const lines: string[] = []
  const api = buildApi({
    port: channel,
    media: { handle: () => false },
    access: policy,
    metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'sluice_up 1\n' },
    log: buildLog({
      level: 'info',
      form: 'json',
      destination: { write: (l) => void lines.push(l) },
    }),
    clock: new FakeClock(),
  })
  apis.push(api)
  const ask = async (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT',
    url: string,
    body?: unknown,
  ) => {
    const reply = await api.fastify.inject({
      method,
      url,
      ...(body !== undefined && { payload: body as object }),
    })
    const answer = { status: reply.statusCode, body: reply.body === '' ? null : reply.json() }
    const document = (await api.fastify.inject('/openapi.json')).json<OpenApiDocument>()
    checkDescribed(document, { method, url, ...answer })
    return answer
  }
  return { channel, api, ask, lines }
}

describe('takes', () => {
  test('a take is answered with its result', async () => {
    const { ask, channel } = built()
    const reply = await ask('POST', '/switch', { source: 's1', mode: 'graceful' })
    expect(reply).toMatchObject({
      status: 200,
      body: { ok: true, source: 's1', from: 's0', executed: 'graceful' },
    })
    expect(channel.calls).toEqual([['take', { source: 's1', mode: 'graceful' }]])
  })

  test.each([
    ['s0', null, 409, 'already_on_air'],
    ['s1', 'timelines_differ', 409, 'timelines_differ'],
    ['s9', null, 404, 'unknown_source'],
  ] as const)(
    'a take to %s that is refused (%s) answers %i %s',
    async (source, refuse, status, why) => {
      const { ask, channel } = built()
      channel.refuse = refuse
      const reply = await ask('POST', '/switch', { source })
      expect(reply).toMatchObject({
        status,
        body: { ok: false, error: why, why, message: expect.any(String) },
      })
    },
  )

  test('preview is its own bus, and is taken to the program without a body', async () => {
    const { ask, channel } = built()
    expect((await ask('POST', '/preview', { source: 's1' })).body).toMatchObject({ bus: 'preview' })
    expect((await ask('POST', '/preview/take')).body).toMatchObject({
      bus: 'program',
      source: 's1',
    })
    expect(channel.current.program.onAir).toBe('s1')
  })

  test('a take may carry a time in either form', async () => {
    const { ask } = built()
    for (const at of [1_795_291_200_000, '2026-11-21T20:15:00+01:00']) {
      expect((await ask('POST', '/preview', { source: 's1', at })).status).not.toBe(400)
    }
  })
})

describe('the webhook', () => {
  test.each([
    [{ action: 'switch', target: 's1' }, 200, { ok: true, active: 's1', active_index: 1 }],
    [{ action: 'switch', target: '1' }, 200, { ok: true, active: 's1' }],
    [{ action: 'switch', target: 1, mode: 'seamless' }, 200, { take: { mode: 'seamless' } }],
    [{ action: 'switch', target: 'slate' }, 200, { active: 'slate', active_index: -1 }],
    [{ action: 'switch', target: '7' }, 404, { ok: false, error: 'unknown_source' }],
    [{ action: 'switch', target: '0' }, 409, { ok: false, error: 'already_on_air' }],
    [{ action: 'set_mode', mode: 'graceful' }, 200, { ok: true, mode: 'graceful' }],
    [{ action: 'set_auto', enable: false }, 200, { ok: true, auto: false }],
    [{ action: 'revert', policy: 'manual' }, 200, { ok: true, revert: 'manual' }],
    [
      { action: 'status' },
      200,
      {
        ok: true,
        active: 's0',
        auto: true,
        sources: [
          { index: 0, id: 's0', active: true },
          { index: 1, id: 's1', active: false },
        ],
      },
    ],
    [{ action: 'reboot' }, 400, { error: 'bad_request', field: 'action' }],
    [{ action: 'set_auto', enable: 'yes' }, 400, { field: 'enable' }],
  ])('%j', async (command, status, body) => {
    const { ask } = built()
    expect(await ask('POST', '/msw', command)).toMatchObject({ status, body })
  })

  test('its settings reach the channel', async () => {
    const { ask, channel } = built()
    await ask('POST', '/msw', { action: 'set_auto', enable: false })
    await ask('POST', '/msw', { action: 'set_auto', enable: true })
    expect(channel.calls).toEqual([
      ['change', { failover: 'off' }],
      ['change', { failover: 'auto' }],
    ])
  })
})

describe('sources, outputs and settings', () => {
  test('a source is added, changed and removed', async () => {
    const { ask, channel } = built()
    const added = await ask('POST', '/sources', { id: 'cam2', url: 'udp://@:5000' })
    expect(added).toMatchObject({ status: 201, body: { id: 'cam2' } })
    expect((await ask('PATCH', '/sources/cam2', { delayMs: 40 })).status).toBe(200)
    expect(channel.calls.at(-1)).toEqual(['changeSource', 'cam2', { delayMs: 40 }])
    expect((await ask('GET', '/sources')).body.sources).toHaveLength(3)
    expect(await ask('DELETE', '/sources/cam2')).toEqual({ status: 204, body: null })
    expect((await ask('GET', '/sources/cam2')).status).toBe(404)
  })

  test('an output is added and removed', async () => {
    const { ask } = built()
    expect((await ask('POST', '/outputs', { id: 'u', url: 'udp://127.0.0.1:1' })).status).toBe(201)
    expect((await ask('GET', '/outputs')).body.outputs).toHaveLength(1)
    expect((await ask('DELETE', '/outputs/u')).status).toBe(204)
    expect(await ask('DELETE', '/outputs/u')).toMatchObject({
      status: 404,
      body: { error: 'unknown_output' },
    })
  })

  test('settings change, and the answer shows them all', async () => {
    const { ask } = built()
    expect(await ask('PATCH', '/channel', { revert: 'manual' })).toEqual({
      status: 200,
      body: { mode: 'cutover', failover: 'auto', revert: 'manual', conform: 'auto', ingest: 'hot' },
    })
  })

  test('status, health, metrics and the description of it all are there', async () => {
    const { ask, api } = built()
    expect((await ask('GET', '/status')).body).toMatchObject({ name: 'Test channel' })
    expect(await ask('GET', '/health')).toMatchObject({
      status: 200,
      body: { status: 'ok', onAir: 's0' },
    })
    expect((await api.fastify.inject('/metrics')).body).toBe('sluice_up 1\n')
    const { body } = await ask('GET', '/openapi.json')
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(['/switch', '/sources/{id}', '/events']),
    )
    expect(
      body.paths['/switch'].post.requestBody.content['application/json'].schema.required,
    ).toEqual(['source'])
  })
})

describe('errors name the field and the value', () => {
  test.each([
    ['a missing field', 'POST', '/switch', {}, 400, 'source', /source is missing/],
    [
      'an unknown field',
      'POST',
      '/switch',
      { source: 's1', sauce: 1 },
      400,
      'sauce',
      /unknown field "sauce"/,
    ],
    [
      'a value out of the list',
      'POST',
      '/switch',
      { source: 's1', mode: 'soft' },
      400,
      'mode',
      /mode "soft" is not valid.*graceful/,
    ],
    [
      'a nested field',
      'PATCH',
      '/sources/s0',
      { thresholds: { stallMs: 5 } },
      400,
      'thresholds.stallMs',
      /stallMs 5 .*40/,
    ],
    ['a bad id', 'POST', '/sources', { id: '../x', url: 'a' }, 400, 'id', /"\.\.\/x"/],
    ['a body that is no object', 'POST', '/switch', [1], 400, undefined, /\[1\]/],
    ['no body', 'POST', '/switch', undefined, 400, undefined, /body/],
    ['an id in use', 'POST', '/sources', { id: 's0', url: 'a' }, 409, undefined, /"s0"/],
    ['an unknown source', 'PATCH', '/sources/s9', {}, 404, undefined, /"s9"/],
    [
      'an unknown address',
      'GET',
      '/nothing?token=x',
      undefined,
      404,
      undefined,
      /there is no GET \/nothing$/,
    ],
    ['another method', 'PUT', '/switch', undefined, 404, undefined, /there is no PUT/],
    ['a bad event id', 'GET', '/events?after=x', undefined, 400, 'after', /after "x"/],
  ] as const)('%s', async (_case, method, url, body, status, field, message) => {
    const { ask } = built()
    const reply = await ask(method, url, body)
    expect(reply.status).toBe(status)
    expect(reply.body.message).toMatch(message)
    expect(reply.body.field).toBe(field)
    expect(Object.keys(STATUS_OF)).toContain(reply.body.error)
  })

  test.each([
    ['malformed JSON', 'application/json', '{"source":', 400],
    ['a prototype in JSON', 'application/json', '{"__proto__":{"a":1}}', 400],
    ['a form', 'application/x-www-form-urlencoded', 'source=s1', 415],
    ['plain text', 'text/plain', '{"source":"s1"}', 415],
    ['more than 64 KiB', 'application/json', JSON.stringify({ source: 'x'.repeat(70_000) }), 413],
  ])('%s', async (_case, type, payload, status) => {
    const { api, channel } = built()
    const reply = await api.fastify.inject({
      method: 'POST',
      url: '/switch',
      headers: { 'content-type': type },
      payload,
    })
    expect(reply.statusCode).toBe(status)
    expect(reply.json()).toEqual({ error: 'bad_request', message: expect.any(String) })
    expect(channel.calls).toEqual([])
  })

  test('the details of an internal fault are in the log, not in the answer', async () => {
    const { ask, channel, lines } = built()
    channel.fault = new Error('the secret of the house')
    const reply = await ask('POST', '/switch', { source: 's1' })
    expect(reply).toMatchObject({ status: 500, body: { error: 'internal' } })
    expect(JSON.stringify(reply.body)).not.toContain('secret of the house')
    expect(lines.join('')).toContain('secret of the house')
  })

  test('a fault with a code keeps its code, and secrets in it are taken out', async () => {
    const { ask, channel } = built()
    channel.fault = new SluiceError('not_reachable', 'rtmp://host/app/mykey does not answer')
    const reply = await ask('POST', '/switch', { source: 's1' })
    expect(reply).toMatchObject({ status: 502, body: { error: 'not_reachable' } })
    expect(reply.body.message).not.toContain('mykey')
  })

  test('each error code is documented with its status, and no other', () => {
    const page = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8')
    const errors = page.slice(page.indexOf('\n## Errors'))
    const documented = [...errors.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map((m) => [
      m[1],
      Number(m[2]),
    ])
    expect(Object.fromEntries(documented)).toEqual(STATUS_OF)
  })

  test('each route is documented', async () => {
    const page = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8')
    const { ask } = built()
    const paths = Object.keys((await ask('GET', '/openapi.json')).body.paths)
    expect(paths.length).toBeGreaterThan(10)
    for (const path of paths) expect(page).toContain(path.replace('/{id}', '/'))
  })
})

describe('access', () => {
  test('every route that is not GET refuses without the token, and with one in other letters', async () => {
    const { api, ask, channel } = built(accessPolicy('0.0.0.0', 'Correct-Horse'))
    const { paths } = (await ask('GET', '/openapi.json')).body as {
      paths: Record<string, Record<string, unknown>>
    }
    const changing = Object.entries(paths).flatMap(([path, operations]) =>
      Object.keys(operations)
        .map((method) => method.toUpperCase())
        .filter((method) => method !== 'GET')
        .map((method) => ({ method, url: path.replaceAll(/\{\w+\}/g, 's1') })),
    )
    const methods = changing.map(({ method }) => method)
    expect(methods).toEqual(expect.arrayContaining(['POST', 'PATCH', 'DELETE']))
    const tokens = [undefined, 'correct-horse', 'CORRECT-HORSE', 'Correct-Horse2']
    for (const { method, url } of changing) {
      for (const token of tokens) {
        const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
        const reply = await api.fastify.inject({ method: method as 'POST', url, headers })
        expect([method, url, token, reply.statusCode]).toEqual([method, url, token, 401])
      }
    }
    expect(channel.calls).toEqual([])
    const headers = { authorization: 'Bearer Correct-Horse' }
    const reply = await api.fastify.inject({ method: 'POST', url: '/preview/take', headers })
    expect(reply.statusCode).not.toBe(401)
  })

  test('a foreign Host is refused on every route, also by injection', async () => {
    const { api } = built()
    for (const url of ['/', '/status', '/events', '/nothing']) {
      const reply = await api.fastify.inject({ url, headers: { host: 'evil.example' } })
      expect(reply.statusCode).toBe(403)
      expect(reply.json()).toMatchObject({ error: 'forbidden' })
    }
  })

  test('on another address changes need the token, and it is not written to the log', async () => {
    const { api, channel, lines } = built(accessPolicy('0.0.0.0', 'opensesame'))
    const take = (headers: Record<string, string>) =>
      api.fastify.inject({ method: 'POST', url: '/switch', headers, payload: { source: 's1' } })
    expect((await take({})).json()).toMatchObject({ error: 'unauthorized' })
    expect((await take({ authorization: 'Bearer opensesam' })).statusCode).toBe(401)
    expect(channel.calls).toEqual([])
    expect((await take({ authorization: 'Bearer opensesame' })).statusCode).toBe(200)
    expect((await api.fastify.inject('/status')).statusCode).toBe(200)
    expect(lines.join('')).not.toContain('opensesam')
  })
})

describe('the page', () => {
  test.each([
    ['/', 'text/html'],
    ['/app.js', 'text/javascript'],
    ['/style.css', 'text/css'],
    ['/vendor/mpegts.js', 'text/javascript'],
  ])('%s is served as %s, and not again to a client that has it', async (url, type) => {
    const { api } = built()
    const first = await api.fastify.inject(url)
    expect(first.statusCode).toBe(200)
    expect(first.headers['content-type']).toContain(type)
    expect(first.headers['x-content-type-options']).toBe('nosniff')
    expect(first.headers['content-security-policy']).toMatch(/media-src 'self' blob:/)
    const etag = String(first.headers['etag'])
    const again = await api.fastify.inject({ url, headers: { 'if-none-match': etag } })
    expect([again.statusCode, again.body]).toEqual([304, ''])
  })

  test('everything that the page loads is served', async () => {
    const { api } = built()
    const page = (await api.fastify.inject('/')).body
    const modules = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1]!)
    const imports = (await api.fastify.inject('/app.js')).body.matchAll(/from '\.(\/[^']+)'/g)
    const needed = [...new Set([...modules, ...[...imports].map((match) => match[1]!)])]
    expect(needed.length).toBeGreaterThan(4)
    for (const url of needed) expect((await api.fastify.inject(url)).statusCode).toBe(200)
  })
})
