// What a task has beside Envoy, wherever a test is about Envoy and its helpers alone.
import { appDefaults } from "../../components/internal/task/appTask";

/** An app that answers, and ends soon. */
export const whoami = {
    image: "docker.io/traefik/whoami:v1.11.0",
    containerPort: 8080,
    command: ["--port", "8080"],
    stopTimeout: 5,
};

export const { helperImage } = appDefaults;
