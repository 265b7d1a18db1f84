import "maplibre-gl/dist/maplibre-gl.css";
import "./style/index.css";
import { render } from "preact";
import { start } from "./start";
import { restore } from "./state";
import { App } from "./ui/app";

addEventListener("popstate", restore);
render(<App />, document.getElementById("app")!);
void start();
