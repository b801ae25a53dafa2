/**
 * TERM and INT: the first asks for a draining stop, the second for a stop without waiting, the third
 * ends the process at once. HUP reads the configuration again.
 */
export function stopSignals(handlers: { stop(signal: string): void; reload(): void }) {
  let asked = 0
  const onStop = (signal: NodeJS.Signals) => {
    asked += 1
    if (asked > 2) process.exit(signal === 'SIGINT' ? 130 : 143)
    handlers.stop(signal)
  }
  const onHup = () => handlers.reload()
  process.on('SIGTERM', onStop)
  process.on('SIGINT', onStop)
  process.on('SIGHUP', onHup)
  return {
    close() {
      process.off('SIGTERM', onStop)
      process.off('SIGINT', onStop)
      process.off('SIGHUP', onHup)
    },
  }
}
