// What ECS runs in a container of stock to see whether it is well.
const { HOST = "localhost", PORT } = process.env;
const { ok } = await fetch(`http://${HOST}:${PORT}/health`);
process.exit(ok ? 0 : 1);
