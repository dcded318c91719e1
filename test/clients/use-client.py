# Uses every call of the Python client against a running agent, by its socket and by its port; says what it saw as JSON.
import json
import sys
import threading

sys.dont_write_bytecode = True
client, directory, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
sys.path.insert(0, client)
from nanofleet import Agent, AgentError, AgentUnreachable, slots  # noqa: E402


def code_of(call):
    try:
        call()
    except AgentError as error:
        return error.code
    except AgentUnreachable:
        return "UNREACHABLE"
    except ValueError:
        return "VALUE"
    return None


TEXT = "set the bedroom light to 50 percent"
seen = {}
for way, agent in {
    "socket": Agent(f"{directory}/agent.sock"),
    "port": Agent(port=port, token_file=f"{directory}/http-token"),
}.items():
    with agent:
        decision = agent.decide(TEXT, line="intent", durable=True)
        many = agent.decide_all([TEXT, ""])
        seen[way] = {
            "label": decision["label"],
            "slots": slots(decision, TEXT),
            "again": agent.decision(decision["id"])["id"] == decision["id"],
            "many": [item.get("label", item.get("error", {}).get("code")) for item in many],
            "labelled": agent.label(decision["id"], "HassLightSet")["label"],
            "last": agent.label("last", out_of_scope=True)["label"],
            "taught": agent.teach("darker please", "HassLightSet")["label"],
            "samples": agent.samples([[0.0, 0.0, 1.0]] * 512, 800, line="vibration")["windows"],
            "fed": agent.feed("hall", {"said": TEXT})["kind"],
            "device": agent.status()["device"],
            "refused": code_of(lambda: agent.feed("nowhere", "x")),
            "nan": code_of(lambda: agent.samples([[float("nan")] * 3], 800)),
        }

shared = Agent(f"{directory}/agent.sock")
answers = []
threads = [threading.Thread(target=lambda: answers.append(shared.decide(TEXT)["label"])) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
shared.close()
seen["threads"] = answers
text = "\N{ELECTRIC LIGHT BULB}\ufe0f turn on the lamp in the kitchen"
seen["beyond"] = slots({"entities": [{"type": "area", "start": 28, "end": 35}]}, text)
seen["guessed"] = code_of(lambda: Agent(port=port, token="nfl_guessed").status())
seen["nobody"] = code_of(lambda: Agent(f"{directory}/nobody.sock").status())
seen["neither"] = code_of(lambda: Agent())
print(json.dumps(seen))
