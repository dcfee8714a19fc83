import type { SQSEvent } from "aws-lambda";
import { expect } from "chai";
import { announceNames } from "../../handlers/announceNames";
import { json, jsonError, type FakeService } from "../support/fakeAws";
import { lambdaContext } from "../support/fakeLambda";
import { createWorld, deliver, DOMAIN, type World } from "../support/taskDns/world";

const ACCEPTED_QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/accepted";
const PROPAGATION = 60_000;

interface Entry {
    readonly Source: string;
    readonly DetailType: string;
    readonly Resources: string[];
    readonly Detail: string;
}

describe("announceNames", () => {
    let world: World;
    let entries: Entry[][];

    async function begin(propagationMilliseconds: number): Promise<void> {
        entries = [];
        const events: FakeService = {
            service: "events",
            answer({ body }) {
                const { Entries } = JSON.parse(body) as { Entries: Entry[] };
                entries.push(Entries);
                return json({ FailedEntryCount: 0, Entries: Entries.map((_, index) => ({ EventId: String(index) })) });
            },
        };
        world = await createWorld({ propagationMilliseconds }, [events], { ACCEPTED_QUEUE_URL });
    }

    afterEach(() => world.close());

    /** Starts tasks, whose names are accepted in one change. */
    async function published(first: number, count: number) {
        const tasks = Array.from({ length: count }, (_, index) => world.tasks.create(first + index));
        expect(await deliver(tasks.flatMap(({ id }) => world.tasks.run(id).slice(-1)))).to.deep.equal([]);
        return tasks;
    }

    /** Hands over what the function that writes the records has left. */
    async function announce(receives = 1) {
        const event = {
            Records: (world.queues.sent[ACCEPTED_QUEUE_URL] ?? []).map((body, index) => ({
                messageId: `m${index}`,
                receiptHandle: `r${index}`,
                body,
                attributes: { ApproximateReceiveCount: String(receives), SentTimestamp: String(Date.now()) },
            })),
        } as unknown as SQSEvent;
        world.aws.requests.length = 0;
        const { batchItemFailures } = await announceNames(event, lambdaContext());
        return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    }

    const asked = (operation: string) => world.aws.requests.filter((request) => request.operation.includes(operation));

    it("asks once for a change, and sends an event of each of its names", async () => {
        await begin(0);
        const tasks = await published(1, 23);
        const before = Date.now();
        expect(await announce()).to.deep.equal([]);
        expect(asked("/change/")).to.have.length(1);
        expect(entries.map(({ length }) => length)).to.deep.equal([10, 10, 3]);
        const [first] = tasks;
        const own = entries.flat().find(({ Detail }) => Detail.includes(first.id))!;
        const { acceptedAt, ...detail } = JSON.parse(own.Detail) as { acceptedAt: string };
        expect(Date.parse(acceptedAt)).to.be.within(before - 60_000, Date.now());
        expect([own.Source, own.DetailType, own.Resources]).to.deep.equal(["taskgate", "Task Name Live", [first.arn]]);
        expect(detail).to.deep.equal({
            taskId: first.id,
            taskArn: first.arn,
            name: `${first.id}.${DOMAIN}`,
            ipv4: first.address,
        });
        expect(world.lines.at(-1)).to.deep.equal({
            level: "info",
            message: "names announced",
            ...{ changes: 1, announced: 23, returned: 0 },
        });
        expect(world.metrics.at(-1)!.AcceptedToInSync).to.have.length(1);
    });

    it("looks again later while Route 53 has not spread a change", async () => {
        await begin(PROPAGATION);
        await published(1, 1);
        expect(await announce(3)).to.deep.equal(["m0"]);
        expect(world.queues.comebacks).to.deep.equal({ r0: 4 });
        expect(entries).to.deep.equal([]);
        expect(world.lines.at(-2)!.reason).to.equal("NotInSync: route53:GetChange of /change/C1 says PENDING");
    });

    it("says nothing of a task that has stopped meanwhile", async () => {
        await begin(0);
        const [stopped, running] = await published(1, 2);
        await deliver([world.tasks.move(stopped.id, { desiredStatus: "STOPPED" })]);
        expect(await announce()).to.deep.equal([]);
        expect(entries.flat().map(({ Resources }) => Resources[0])).to.deep.equal([running.arn]);
    });

    it("gives back what EventBridge or Route 53 refuse, and announces the rest", async () => {
        await begin(0);
        await published(1, 1);
        const [other] = await published(2, 1);
        world.aws.interfere = ({ operation }) =>
            operation.endsWith("/change/C1") ? jsonError(400, "Throttling", "Rate exceeded") : undefined;
        expect(await announce()).to.deep.equal(["m0"]);
        expect(entries.flat().map(({ Resources }) => Resources[0])).to.deep.equal([other.arn]);
    });

    it("never holds up or fails the batch that made the names", async () => {
        await begin(0);
        world.aws.interfere = ({ operation }) =>
            operation === "SendMessage" ? jsonError(400, "AccessDeniedException", "may not") : undefined;
        await published(1, 1);
        expect(world.route53.records()).to.have.length(1);
        expect(world.lines[0]).to.deep.equal({
            level: "warn",
            message: "names are not announced",
            reason: `AccessDeniedException: sqs:SendMessage of ${ACCEPTED_QUEUE_URL}: may not`,
        });
    });

    it("hears of names that were made, and of nothing else", async () => {
        await begin(0);
        const [task] = await published(1, 1);
        await deliver([world.tasks.move(task.id, { desiredStatus: "STOPPED" })]);
        expect(world.queues.sent[ACCEPTED_QUEUE_URL]).to.have.length(1);
    });
});
