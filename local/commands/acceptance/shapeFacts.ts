// The classic shapes, looked at by the steps of their scenarios (`npm start -- --scenario`), as far as they look from outside.
import type { ListrTaskWrapper } from "listr2";

import { awsBy } from "../../aws/resources/sdk";
import { deployed } from "../scenarios/deployed";
import { looks as looksOf } from "../scenarios/life";
import type { Life as ScenarioLife, Shape } from "../scenarios/life";
import { notSeen, upAgain, upFacts } from "./facts";
import type { Finding, Looks, Row, Seen } from "./facts";

/** What each step shows, by its title, and what happens if it turns out otherwise. */
const facts: Readonly<Record<string, readonly [fact: string, otherwise: string]>> = {
    "the first certificate is issued": [
        "tasks that started before there was a certificate come up once it is issued and their service's function has run",
        "the service has no healthy target until it is deployed once more",
    ],
    "every service is steady, every target healthy": [
        "load balancers find tasks healthy over the path and the port that the shape gives them",
        "the deployment is rolled back: look at the target group's health check and its reason",
    ],
    HTTPS: [
        "a visitor gets the app by HTTPS and HTTP/2, with a certificate that Node trusts, and HSTS",
        "visitors see an error page or a warning",
    ],
    "TLS as an outsider sees it": [
        "TLS 1.2 and 1.3 alone, forward secret, with X25519MLKEM768",
        "the security policy has another name or other groups there: tlsPolicy",
    ],
    "plain HTTP is redirected": ["plain HTTP is redirected to HTTPS", "who types no https:// gets no answer"],
    "a WebSocket echoes": ["WebSockets pass", "an app with WebSockets needs another shape"],
    "a renewed certificate is shown": [
        "a certificate that is imported again under its ARN is shown without a deployment",
        "a renewed certificate needs an up",
    ],
    "a task stops under load": [
        "a task that stops fails no request",
        "visitors see 502 for a moment: drainSeconds and deregistrationDelay longer",
    ],
    "a new version is rolled out under load": [
        "a new version is rolled out without a failed request",
        "as with a task that stops under load",
    ],
};

/** The looks at a shape that is up, in their order; one that fails does not keep the others from being taken. */
export function shapeLooks(shape: Shape): Looks {
    const steps = looksOf(shape, {});
    const seen: Seen = {};
    const findings = new Map<string, Finding>();
    return {
        async go(run) {
            const { target, project, signal, eventually, say } = run;
            const config = { region: target.regions[0], accountId: target.account };
            say("pulumi up");
            await target.operate("up", project, { signal });
            await upAgain(run, seen);
            const life: ScenarioLife = {
                hostname: `${shape.host}.${String(project.config.domain)}`,
                up: deployed(
                    {
                        aws: awsBy(target.clientConfig(config.region), config),
                        internet: target.internet,
                        eventually,
                        redeploy: (more) =>
                            target.operate("up", { ...project, config: { ...project.config, ...more } }, { signal }),
                    },
                    (await target.state(project)).resources,
                ),
            };
            for (const step of steps) {
                const title = String(step.title);
                say(title);
                // A step says what it has seen in its title.
                const shown = { title } as ListrTaskWrapper<ScenarioLife, never, never>;
                try {
                    await step.task(life, shown as never);
                    findings.set(title, { verdict: "held", evidence: String(shown.title) });
                } catch (error) {
                    signal.throwIfAborted();
                    findings.set(title, { verdict: "not held", evidence: (error as Error).message });
                }
            }
        },
        rows: () => [
            ...upFacts.map(({ fact, otherwise, finding }): Row => ({ fact, otherwise, ...finding(seen) })),
            ...steps.map(({ title }): Row => {
                const [fact, otherwise] = facts[String(title)];
                return { fact, otherwise, ...(findings.get(String(title)) ?? notSeen) };
            }),
        ],
    };
}
