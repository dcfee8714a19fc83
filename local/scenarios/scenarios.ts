import { loadBalancedLife, loadBalancedShapes } from "./loadBalanced";
import type { LoadBalancedShape } from "./loadBalanced";
import { traefikLife } from "./traefik";

export type Scenario = LoadBalancedShape | "traefik";

/** Goes through a life; the report holds what was seen. */
export type RunLife = (report: object, name: string) => Promise<void>;

/** The lives of the classic shapes, by the word that `npm start -- --scenario` takes. */
export const scenarios = {
    ...Object.fromEntries(
        loadBalancedShapes.map((shape): [string, RunLife] => [
            shape,
            (report, name) => loadBalancedLife(shape, report, name),
        ]),
    ),
    traefik: traefikLife,
} as Readonly<Record<Scenario, RunLife>>;
