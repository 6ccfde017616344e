import { HttpServer, type HttpServerOptions } from "../http-server.ts";
import { createDashboard, type DashboardOptions } from "./dashboard.ts";

/** The dashboard as a process's service. */
export class DashboardServer extends HttpServer {
  constructor(options: DashboardOptions & Pick<HttpServerOptions, "host" | "port">) {
    super({ ...options, name: "dashboard", answer: createDashboard(options) });
  }
}
