// The container's health check: succeeds while the process in it is alive, whatever becomes of its work. With `--ready`
// it succeeds while that does its work.

const WITHIN = 4_000;
const { WAYBILL_HEALTH_PORT: port = '8081' } = process.env;
const path = process.argv[2] === '--ready' ? 'readyz' : 'healthz';

const answer = await fetch(`http://127.0.0.1:${port}/${path}`, {
  signal: AbortSignal.timeout(WITHIN),
}).catch((error: unknown) => new Response(String(error), { status: 503 }));
if (!answer.ok) {
  console.error(await answer.text());
  process.exitCode = 1;
}
