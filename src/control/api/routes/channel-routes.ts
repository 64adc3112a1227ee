import type { ChannelPort } from '../../../contract/channel-port.ts'
import { ChannelChange } from '../../../contract/commands.ts'
import { ChannelStatus } from '../../../contract/status.ts'
import type { ApiInstance } from './api-instance.ts'
import { HealthAnswer, healthOf, healthStatusCode } from './health.ts'

const SettingsAnswer = ChannelStatus.unwrap().pick({
  mode: true,
  failover: true,
  revert: true,
  conform: true,
  ingest: true,
})

/** Renders the figures for Prometheus. */
export interface MetricsPage {
  readonly contentType: string
  render(): Promise<string>
}

export const channelRoutes = (api: ApiInstance, port: ChannelPort, metrics: MetricsPage): void => {
  api.get(
    '/status',
    { schema: { summary: 'The whole status', response: { 200: ChannelStatus } } },
    async () => port.status(),
  )

  api.get(
    '/health',
    {
      schema: { summary: 'Is there a program', response: { 200: HealthAnswer, 503: HealthAnswer } },
    },
    async (_request, reply) => {
      const health = healthOf(await port.status())
      return reply.code(healthStatusCode(health.status)).send(health)
    },
  )

  api.get('/metrics', { schema: { summary: 'Figures for Prometheus' } }, async (_request, reply) =>
    reply.header('content-type', metrics.contentType).send(await metrics.render()),
  )

  api.patch(
    '/channel',
    {
      schema: {
        summary: "Change the channel's settings on the air",
        body: ChannelChange,
        response: { 200: SettingsAnswer },
      },
    },
    async (request) => {
      await port.change(request.body)
      const { mode, failover, revert, conform, ingest } = await port.status()
      return { mode, failover, revert, conform, ingest }
    },
  )
}
