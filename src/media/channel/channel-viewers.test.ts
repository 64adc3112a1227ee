import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, type TestContext } from 'vitest'
import { ChannelRig } from '../../../test/helpers/channel-rig.ts'
import { channelId, sourceId } from '../../contract/ids.ts'

type OnTestFinished = TestContext['onTestFinished']

const RIG = channelId('rig')

/** A channel whose media is served on a socket. */
const served = async (onTestFinished: OnTestFinished) => {
  const rig = await ChannelRig.start({ sources: { a: {} } })
  const server = createServer((request, response) => {
    if (!rig.media.handle(request, response)) response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const { port } = server.address() as AddressInfo
  const open = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const headers = { 'User-Agent': `player of ${path}` }
      const request = get({ port, path, host: '127.0.0.1', agent: false, headers }, (response) => {
        response.on('error', () => {})
        response.resume()
        resolve(response)
      })
      request.on('error', reject)
    })
  return { rig, open }
}

test('viewers of the program, the preview and sources have events of joining and leaving', async ({
  onTestFinished,
}) => {
  const { rig, open } = await served(onTestFinished)
  const paths = ['/stream.ts', '/channels/rig/preview.ts', '/sources/a.ts']
  const viewers = await Promise.all(paths.map(open))
  expect(viewers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
  const joined = rig.told('viewer_joined')
  expect(joined.map(({ path }) => path)).toEqual(['/stream.ts', '/preview.ts', '/sources/a.ts'])
  expect(joined[1]).toMatchObject({
    viewer: 1,
    address: expect.stringContaining('127.0.0.1'),
    agent: 'player of /channels/rig/preview.ts',
  })
  for (const viewer of viewers) viewer.destroy()
  await rig.until('all have left', () => rig.told('viewer_left').length === 3)
  expect(rig.told('viewer_left').every(({ reason }) => reason === undefined)).toBe(true)
  await rig.close()
})

test('a viewer is disconnected by path and id, and no other one', async ({ onTestFinished }) => {
  const { rig, open } = await served(onTestFinished)
  const [one, two] = await Promise.all([open('/stream.ts'), open('/stream.ts')])
  const disconnect = (path: string, id: number) =>
    rig.answer(rig.media.disconnectViewer({ channel: RIG, path, id }))
  expect(await disconnect('/preview.ts', 1)).toBe(false)
  expect(await disconnect('/stream.ts', 9)).toBe(false)
  expect(await disconnect('/stream.ts', 1)).toBe(true)
  await rig.until('it has left', () => rig.told('viewer_left').length === 1)
  expect(rig.told('viewer_left')[0]).toMatchObject({ viewer: 1, reason: 'an operator ended it' })
  await rig.until('its connection ended', () => one.destroyed || two.destroyed)
  expect([one.destroyed, two.destroyed].filter(Boolean)).toHaveLength(1)
  expect(await disconnect('/stream.ts', 1)).toBe(false)
  await rig.close()
})

test('the end of the channel ends every viewer, and reports that before its own end', async ({
  onTestFinished,
}) => {
  const { rig, open } = await served(onTestFinished)
  await Promise.all([open('/stream.ts'), open('/sources/a.ts')])
  await rig.close()
  const told = rig.events.map(({ type }) => type)
  expect(told.slice(-3)).toEqual(['viewer_left', 'viewer_left', 'channel_stopped'])
  expect(rig.told('viewer_left').map(({ reason }) => reason)).toEqual([
    'the program ended',
    'the program ended',
  ])
})

test('a removed source ends those who watch it, not those of the program', async ({
  onTestFinished,
}) => {
  const { rig, open } = await served(onTestFinished)
  await Promise.all([open('/stream.ts'), open('/sources/a.ts')])
  await rig.answer(rig.channel.removeSource(sourceId('a')))
  await rig.until('its viewer has left', () => rig.told('viewer_left').length > 0)
  expect(rig.told('viewer_left').map(({ path }) => path)).toEqual(['/sources/a.ts'])
  await rig.close()
})

test('a host whose access is revoked is disconnected from every address, and refused', async ({
  onTestFinished,
}) => {
  const { rig, open } = await served(onTestFinished)
  await Promise.all([open('/stream.ts'), open('/sources/a.ts')])
  await rig.answer(rig.media.setAccess({ playback: 'public', revoked: ['127.0.0.1'] }))
  await rig.until('both have left', () => rig.told('viewer_left').length === 2)
  expect((await open('/stream.ts')).statusCode).toBe(403)
  expect((await open('/live/stream.m3u8')).statusCode).toBe(403)
  await rig.answer(rig.media.setAccess({ playback: 'public', revoked: [] }))
  expect((await open('/stream.ts')).statusCode).toBe(200)
  await rig.close()
})
