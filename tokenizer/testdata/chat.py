"""Writes chat.json: what Jinja itself makes of chat templates.

    python3 chat.py > chat.json        (needs jinja2; made with 3.1.2)

The templates are of the forms that published models have, written for this
test. The environment is the one transformers sets up: trim_blocks,
lstrip_blocks, loop controls, raise_exception, strftime_now, tojson as
json.dumps(ensure_ascii=False).
"""
import datetime
import json

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

TEMPLATES = {
    "chatml": """{% for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{% endif %}
""",
    "headers": """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}
        {%- set date_string = strftime_now("%d %b %Y") %}
    {%- else %}
        {%- set date_string = "26 Jul 2024" %}
    {%- endif %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{{- "Today Date: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- for message in messages %}
    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}""",
    "inst": """{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}""",
    "turns": """{{ bos_token }}
{%- if messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages -%}
    {%- if (message['role'] == 'assistant') -%}
        {%- set role = "model" -%}
    {%- else -%}
        {%- set role = message['role'] -%}
    {%- endif -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {%- if message['content'] is string -%}
        {{ message['content'] | trim }}
    {%- elif message['content'] is iterable -%}
        {%- for item in message['content'] -%}
            {{ item['text'] | trim }}
        {%- endfor -%}
    {%- else -%}
        {{ raise_exception("Invalid content type") }}
    {%- endif -%}
    {{ '<end_of_turn>\\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
""",
    "thinking": """{%- macro turn(role, text) -%}
<|im_start|>{{ role }}
{{ text }}<|im_end|>
{% endmacro -%}
{%- set ns = namespace(multi_step=true, last=messages|length - 1, seen=[]) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and not (message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == "assistant" and '</think>' in content %}
        {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- if loop.index0 > ns.last %}
            {%- set content = '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content %}
        {%- endif %}
    {%- endif %}
    {{- turn(message.role, content) }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
""",
    "methods": """{%- set words = messages[0].content.split(' ') %}
{%- for w in words %}
{{ loop.index }}/{{ loop.length }} {{ w.upper() }} {{ w | lower | replace('e', '3') }} {{ w[0] }}{{ w[-1] }}{{ w[1:] }} {{ w|length }}
{%- if not loop.last %}, {% endif %}
{%- endfor %}
{{ words | join('-') }} {{ messages | map(attribute='role') | list | join('+') }} {{ (messages | selectattr('role', 'equalto', 'user') | list) | length }}
{{ messages[0].items() | list | length }} {{ messages[0].get('role') }} {{ messages[0].get('name', 'none') }} {{ 'role' in messages[0] }} {{ messages[0].name is defined }}
{{ messages[0] | tojson }} {{ "a<b>'c'é中" | tojson }} {{ [1, 2.5, true, none, 'x'] | tojson }}
{{ 7 // 2 }} {{ 7 % 3 }} {{ 1 + 2 * 3 }} {{ 'a' ~ 1 }} {{ 1 < 2 and not 3 > 4 }} {{ 'x' if messages else 'y' }}
{%- for i in range(2, 8, 2) %} {{ i }}{% endfor %}
{{ messages[0].content.title() }} {{ ' x '.strip() ~ '|' }} {{ 'a,b'.split(',')[1] }} {{ 'abc'.replace('b', 'd') }} {{ 'abc'.find('c') }}
{% for key, value in {'b': 1, 'a': 2} | dictsort %}{{ key }}={{ value }};{% endfor %}
{%- for m in messages if m.role != 'system' %}
{{ loop.cycle('odd', 'even') }}:{{ m.role }}
{%- endfor %}

{# a comment #}
  {# another #}
   {{ messages[-1].role }} {{ 'abc'[-3] }}{{ 'abc'[-1] }} {{ words[0].split('x')[-1] }} {{ [-1][0] }} {{ 1 in [-1] }} {{ messages[-2] is defined }} {{ messages[-9] is defined }}
{%- for k, v in messages[0].items() | sort %} {{ k }}={{ v }};{% endfor %}
{%- for k, v in {'k': 1}.items() %} {{ k }}:{{ v }}{% endfor %}
{%- set x = messages[0] %}{% if x.tool_calls %}tools{% endif %}{% if x.content is not none and x.content %} full{% endif %}
{%- if not x.tool_calls is defined or x.tool_calls is none %} none{% endif %}
{{ '%s-%d' | format('a', 3) }} {{ 'Line\n' ~ "quote's" }} {{ [1,2,3] | sum }} {{ [3,1,2] | sort | first }} {{ 'x' * 3 }} {{ [1,2,3] | last }} {{ (1, 2)[1] }} {{ ['a', 'b'] + ['c'] }} {{ not true }} {{ true }}
""",
    "conditions": """{%- set a = 'x' if messages else 'y' %}
{%- set b = 1 if false else 2 if false else 3 -%}
{{ a }}{{ b }} {{ (messages[0].content if messages[0].role == 'user' else raise_exception('no')) if messages|length < 3 else 'many' }}
{{- [1 if true else 2, (3 if false else 4) + 1, 'if' if 'else' == "else" else '"if'] | join(',') }}
{{ {'k': 'v' if loop is defined else 'w'}['k'] }} {{ 'z' if false }}| {{ range(3 if a == 'x' else 1) | list | length }}
{%- for m in messages if m.role != 'system' %} {{ m.role if loop.first else '-' }}{% endfor %}
{% if (true if messages else false) and not (false if a != 'y' else true) %}yes{% endif %} { if } {{ '{{ a if b else c }}' }}
{%- set n = {'x': (1 if a == 'x' else 2), 'y': [0 if b >= 3 else 9]} -%}
{{ n.x }}{{ n['y'][0] }}{{- ' end' if true else '' -}}
""",
    "strings": """{%- for m in messages %}{% set c = m.content %}
[{{ c.strip() }}|{{ c.lstrip() }}|{{ c.rstrip() }}|{{ c.strip(' .\n') }}|{{ c.lstrip(' W') }}|{{ c.rstrip('?\n') }}]
{{ c.split() | tojson }} {{ c.rsplit() | tojson }} {{ c.split(none, 1) | tojson }} {{ c.rsplit(none, 1) | tojson }} {{ c.split(maxsplit=2) | tojson }}
{{ c.split('o') | tojson }} {{ c.split('o', 1) | tojson }} {{ c.split('</think>', 1)[-1] }} {{ c.rsplit('i', 1) | tojson }} {{ c.split(' ', maxsplit=1)[0] }} {{ c.rsplit('\n', 0) | tojson }}
{{ c.count('i') }} {{ c.count('') }} {{ c.find('i') }} {{ c.rfind('里') }} {{ c.find('zz') }} {{ ''.find('z') }} {{ ''.endswith('z') }} {{ ''.split() | tojson }} {{ ''.split('z') | tojson }}
{{ c.startswith(('<', ' W')) }} {{ c.endswith('?') }} {{ c.replace('i', 'I', 1) }} {{ c.replace('o', '') }} {{ (c.split('zz', 1) | last) is string }} {{ c is true }} {{ c is false }} {{ true is true }} {{ (1 > 2) is false }}
{%- endfor %}
""",
    "blanks": """{% for m in messages %}{{ m.role }} {% if loop.first %}first{% endif %} {# a comment #} {{ m.content }}	{% if loop.last %} last {% endif %}
    {% set x = 1 %} {% set y = 2 %}
  {% if x %}  {% if y %} both {% endif %}  {% endif %}
{% endfor %}
""",
    "loopcontrols": """{% for m in messages %}{% if m.role == 'system' %}{% continue %}{% endif %}{{ m.role }};{% if loop.index > 2 %}{% break %}{% endif %}{% endfor %}""",
}

CONVERSATIONS = [
    [("user", "Hi there")],
    [("system", " Be brief. "), ("user", "What is 2 + 2?")],
    [("user", " Where is Tom? "), ("assistant", " Tom is in the kitchen.\n"), ("user", "小明在哪里？"), ("assistant", "<think>\nlook\n</think>\n\n小明在厨房里。")],
    [("user", "a\nb"), ("user", "twice")],
    [("system", "S"), ("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")],
]

NOW = datetime.datetime(2026, 11, 23, 20, 29, 5)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def main():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    env.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent, sort_keys=True)
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = NOW.strftime
    cases = []
    for name, source in TEMPLATES.items():
        template = env.from_string(source)
        for talk in CONVERSATIONS:
            messages = [{"role": r, "content": c} for r, c in talk]
            for prompt in (False, True):
                for extra in ({}, {"enable_thinking": False}) if name == "thinking" else ({},):
                    case = {"name": name, "messages": messages, "prompt": prompt, "extra": extra, "want": "", "error": ""}
                    try:
                        case["want"] = template.render(messages=messages, add_generation_prompt=prompt, bos_token="<s>", eos_token="</s>", **extra)
                    except jinja2.exceptions.TemplateError as e:
                        case["error"] = str(e)
                    cases.append(case)
    json.dump({"templates": TEMPLATES, "cases": cases}, __import__("sys").stdout, ensure_ascii=False, indent=1)
    print()


main()
