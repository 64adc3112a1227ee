import { z } from 'zod'
import type { ChannelPort } from '../../../contract/channel-port.ts'
import { SLATE, type SourceId } from '../../../contract/ids.ts'
import { RevertPolicy, TakeMode } from '../../../contract/spec.ts'
import type { ChannelStatus } from '../../../contract/status.ts'
import type { ApiInstance } from './api-instance.ts'
import { takeReply } from './take-answer.ts'

/** One address, the action in the body: the webhook of a switcher inside FFmpeg, for scripts written for it. */
const MswCommand = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('switch'),
    /** An id, or the index in the list of sources, from 0. */
    target: z.union([z.string().min(1).max(64), z.number().int().min(0).max(1_000)]),
    mode: TakeMode.optional(),
  }),
  z.strictObject({ action: z.literal('set_mode'), mode: TakeMode }),
  z.strictObject({ action: z.literal('set_auto'), enable: z.boolean() }),
  z.strictObject({ action: z.literal('revert'), policy: RevertPolicy }),
  z.strictObject({ action: z.literal('status') }),
])
type MswCommand = z.infer<typeof MswCommand>

/** The fields of each action are in docs/api.md. */
const MswAnswer = z.looseObject({ ok: z.boolean(), action: z.string() })

export const mswRoutes = (api: ApiInstance, port: ChannelPort): void => {
  api.post(
    '/msw',
    {
      schema: {
        summary: 'The webhook command set',
        body: MswCommand,
        response: { 200: MswAnswer, 404: MswAnswer, 409: MswAnswer },
      },
    },
    async (request, reply) => {
      const { status, body } = await performCommand(request.body, port)
      return reply.code(status).send(body)
    },
  )
}

interface MswReply {
  readonly status: 200 | 404 | 409
  readonly body: z.infer<typeof MswAnswer>
}

const performCommand = async (command: MswCommand, port: ChannelPort): Promise<MswReply> => {
  switch (command.action) {
    case 'switch':
      return performSwitch(command, port)
    case 'set_mode':
      await port.change({ mode: command.mode })
      return okReply({ action: command.action, mode: command.mode })
    case 'set_auto':
      await port.change({ failover: command.enable ? 'auto' : 'off' })
      return okReply({ action: command.action, auto: command.enable })
    case 'revert':
      await port.change({ revert: command.policy })
      return okReply({ action: command.action, revert: command.policy })
    case 'status':
      return okReply({ action: command.action, ...mswStatus(await port.status()) })
  }
}

const performSwitch = async (
  command: Extract<MswCommand, { action: 'switch' }>,
  port: ChannelPort,
): Promise<MswReply> => {
  const source = targetOf(command.target, await port.status())
  const { status, body } = takeReply(
    await port.take({ source, ...(command.mode !== undefined && { mode: command.mode }) }),
  )
  if (!body.ok) {
    return {
      status,
      body: { ok: false, action: 'switch', target: source, error: body.why, message: body.message },
    }
  }
  return okReply({ action: 'switch', ...activeOf(body.source, await port.status()), take: body })
}

const okReply = (facts: {
  readonly action: string
  readonly [fact: string]: unknown
}): MswReply => ({
  status: 200,
  body: { ok: true, ...facts },
})

/** A source with this id comes before the index: "1" may be both. */
const targetOf = (target: string | number, status: ChannelStatus): SourceId => {
  const text = String(target)
  if (text === SLATE || status.sources.some((source) => source.id === text)) return text as SourceId
  const index = /^\d{1,4}$/.test(text) ? Number(text) : -1
  return status.sources[index]?.id ?? (text as SourceId)
}

const activeOf = (active: SourceId, status: ChannelStatus) => ({
  active,
  active_index: status.sources.findIndex((source) => source.id === active),
})

const mswStatus = (status: ChannelStatus) => ({
  ...activeOf(status.program.onAir, status),
  mode: status.mode,
  auto: status.failover === 'auto',
  revert: status.revert,
  ingest: status.ingest,
  sources: status.sources.map((source, index) => ({
    index,
    id: source.id,
    url: source.url,
    label: source.label,
    state: source.state,
    healthy: source.healthy,
    active: source.id === status.program.onAir,
  })),
})
