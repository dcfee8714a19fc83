/** The version of Envoy in the tasks, and in the tests (tools/requirements.txt). docs/upgrading.md says how it is raised. */
export const envoyVersion = "1.39.1";

/** The oldest that an image of the user's own may have; the tests run it, too (tools/testing/requirements.txt). */
export const oldestEnvoyVersion = "1.37.0";

/** Envoy's own image without a shell, which runs as `nonroot`. */
export const envoyImage = `docker.io/envoyproxy/envoy:distroless-v${envoyVersion}`;
