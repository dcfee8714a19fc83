import { internal } from "./internal";
import { shapeLife } from "./life";
import type { Shape } from "./life";
import { reactiveLife } from "./reactive";
import { sandboxLife } from "./sandbox";
import { sessionsLife } from "./sessions";
import { twoRegionsLife } from "./twoRegions";
import { appReachedThroughEnvoyOnly, certificateReplaced, taskStopped, tokensAskedFor, wireWatched } from "./steps";

const nextVersion = { image: "docker.io/traefik/whoami:v1.10.4" };

/** The classic shapes, each with its example, by the word that `npm start -- --scenario` takes. */
export const shapes = {
    alb: {
        example: "alb",
        host: "www",
        echoes: false,
        load: { webSockets: 0 },
        nextVersion: { version: "1.1" },
        here: [wireWatched("shop-tg", "readable"), tokensAskedFor("api")],
        steps: [],
    },
    "end-to-end-tls": {
        example: "end-to-end-tls",
        host: "records",
        nextVersion,
        here: [wireWatched("records-tg", "encrypted"), appReachedThroughEnvoyOnly("records-tg")],
        steps: [certificateReplaced],
    },
    nlb: {
        example: "nlb",
        host: "live",
        awaitsCertificate: true,
        nextVersion,
        here: [wireWatched("live-tg", "encrypted"), appReachedThroughEnvoyOnly("live-tg")],
        steps: [],
    },
    traefik: {
        example: "traefik",
        host: "orders",
        awaitsCertificate: true,
        nextVersion,
        steps: [taskStopped("orders-service")],
    },
} satisfies Record<string, Shape>;

/** Other lives, which are not a shape's. */
const lives = {
    sessions: sessionsLife,
    sandbox: sandboxLife,
    internal: (report, name) => shapeLife(internal, report, name),
    "two-regions": twoRegionsLife,
    reactive: reactiveLife,
} satisfies Record<string, (report: object, name: string) => Promise<void>>;

export type Scenario = keyof typeof shapes | keyof typeof lives;

export const scenarios = [...Object.keys(shapes), ...Object.keys(lives)] as Scenario[];

/** Goes through a life; the report holds what was seen. */
export function runScenario(scenario: Scenario, report: object, name: string): Promise<void> {
    return scenario in lives
        ? lives[scenario as keyof typeof lives](report, name)
        : shapeLife(shapes[scenario as keyof typeof shapes], report, name);
}
