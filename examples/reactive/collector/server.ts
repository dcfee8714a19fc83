// What runs in a collector's task.
import { KinesisClient, PutRecordsCommand } from "@aws-sdk/client-kinesis";
import { setTimeout as delay } from "node:timers/promises";

import { changes, keyOf } from "../campaign";
import { cacheAddress, connectToCache } from "../valkey";
import { createCollector } from "./collector";
import { createCoreData } from "./coreData";
import { createOutbox, Entry } from "./outbox";

/** A subscription that says nothing for so long may be dead. */
const pingMs = 5_000;

async function main(): Promise<void> {
    const { STREAM_NAME: StreamName, HOSTNAME = "", HOST, MOST_WAITING = "20000" } = process.env;
    const address = cacheAddress(process.env);
    const [store, subscription] = [await connectToCache(address), await connectToCache(address)];
    const coreData = createCoreData({ get: (id) => store.get(keyOf(id)) });

    // What is told while nobody listens is lost, so what is known then is forgotten.
    subscription.on("close", () => coreData.deaf());
    subscription.on("ready", () => {
        subscription.subscribe(changes).then(
            () => coreData.listening(),
            (error: Error) => {
                console.error("subscription:", error.message);
                subscription.disconnect(true);
            },
        );
    });
    subscription.on("message", (_channel, text: string) => {
        try {
            coreData.changed(text);
        } catch (error) {
            console.error("change:", (error as Error).message);
        }
    });
    setInterval(() => {
        if (subscription.status === "ready") {
            subscription.ping().catch(() => subscription.disconnect(true));
        }
    }, pingMs).unref();

    const kinesis = new KinesisClient({ maxAttempts: 1 });
    const outbox = createOutbox({
        mostEntries: Number(MOST_WAITING),
        async send(entries: readonly Entry[]) {
            const { Records = [] } = await kinesis.send(
                new PutRecordsCommand({
                    StreamName,
                    Records: entries.map(({ key, data }) => ({ PartitionKey: key, Data: data })),
                }),
            );
            return Records.map(({ SequenceNumber }) => SequenceNumber !== undefined);
        },
    });
    const server = createCollector({ coreData, outbox, name: HOSTNAME });
    server.listen(8080, HOST);

    // The load balancer sends nothing more by now: what is held goes into the stream, then the task ends.
    process.once("SIGTERM", () => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeIdleConnections();
        void Promise.race([closed, delay(5_000)])
            .then(() => outbox.drain(AbortSignal.timeout(20_000)))
            .then((left) => {
                console.log(`${left} events are left`);
                process.exit(left === 0 ? 0 : 1);
            });
    });
}

main().catch((error: Error) => {
    console.error(error);
    process.exit(1);
});
