import { shapeLife } from "./life";
import type { Shape, ShapeReport } from "./life";
import { appReachedThroughEnvoyOnly, certificateReplaced, taskStopped, tokensAskedFor, wireWatched } from "./steps";

const nextVersion = { image: "docker.io/traefik/whoami:v1.10.4" };

/** The classic shapes, each with its example, by the word that `npm start -- --scenario` takes. */
const shapes = {
    alb: {
        example: "alb",
        host: "www",
        echoes: false,
        load: { webSockets: 0 },
        nextVersion: { version: "1.1" },
        steps: [wireWatched("shop-tg", "readable"), tokensAskedFor("api")],
    },
    "end-to-end-tls": {
        example: "end-to-end-tls",
        host: "records",
        nextVersion,
        steps: [wireWatched("records-tg", "encrypted"), appReachedThroughEnvoyOnly("records-tg"), certificateReplaced],
    },
    nlb: {
        example: "nlb",
        host: "live",
        awaitsCertificate: true,
        nextVersion,
        steps: [wireWatched("live-tg", "encrypted"), appReachedThroughEnvoyOnly("live-tg")],
    },
    traefik: {
        example: "traefik",
        host: "orders",
        awaitsCertificate: true,
        nextVersion,
        steps: [taskStopped("orders-service")],
    },
} satisfies Record<string, Shape>;

export type Scenario = keyof typeof shapes;

export const scenarios = Object.keys(shapes) as Scenario[];

/** Goes through the life of a shape; the report holds what was seen. */
export function runScenario(scenario: Scenario, report: ShapeReport, name: string): Promise<void> {
    return shapeLife(shapes[scenario], report, name);
}
