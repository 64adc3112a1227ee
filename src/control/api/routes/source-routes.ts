import { z } from 'zod'
import type { ChannelPort } from '../../../contract/channel-port.ts'
import { SluiceError } from '../../../contract/errors.ts'
import type { SourceId } from '../../../contract/ids.ts'
import { SourceChange, SourceSpec } from '../../../contract/spec.ts'
import { SourceStatus } from '../../../contract/status.ts'
import type { ApiInstance } from './api-instance.ts'

/** Accepts any text: an invalid id is an unknown one. */
const SourcePath = z.object({ id: z.string().transform((id) => id as SourceId) })

const SourceList = z.object({ sources: z.array(SourceStatus).readonly() })

export const sourceRoutes = (api: ApiInstance, port: ChannelPort): void => {
  api.get(
    '/sources',
    { schema: { summary: 'All sources, in order', response: { 200: SourceList } } },
    async () => ({
      sources: (await port.status()).sources,
    }),
  )

  api.post(
    '/sources',
    {
      schema: {
        summary: 'Add a source on the air',
        body: SourceSpec,
        response: { 201: SourceStatus },
      },
    },
    async (request, reply) => {
      await port.addSource(request.body)
      return reply
        .code(201)
        .header('location', `/sources/${request.body.id}`)
        .send(await currentSource(port, request.body.id))
    },
  )

  api.get(
    '/sources/:id',
    { schema: { summary: 'One source', params: SourcePath, response: { 200: SourceStatus } } },
    async (request) => currentSource(port, request.params.id),
  )

  api.patch(
    '/sources/:id',
    {
      schema: {
        summary: 'Change a source',
        params: SourcePath,
        body: SourceChange,
        response: { 200: SourceStatus },
      },
    },
    async (request) => {
      await port.changeSource(request.params.id, request.body)
      return currentSource(port, request.params.id)
    },
  )

  api.delete(
    '/sources/:id',
    {
      schema: { summary: 'Remove a source', params: SourcePath, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await port.removeSource(request.params.id)
      return reply.code(204).send()
    },
  )
}

const currentSource = async (port: ChannelPort, id: SourceId): Promise<SourceStatus> => {
  const found = (await port.status()).sources.find((source) => source.id === id)
  if (found === undefined) {
    throw new SluiceError('unknown_source', `there is no source ${JSON.stringify(id)}`)
  }
  return found
}
