%% Runs scenarios on real Erlang/OTP. One scenario is a term in one line of standard input, see encode.ts:
%%   {Index, Root, Steps}.
%% and one line of JSON in standard output:
%%   {"index":Index,"trace":[{"events":[…],"result":"…"}, …]}
%% with an entry for each step, one for the final tree and one for the end of the root.
%%
%% Every scenario has a driver. Start functions ask it what to do, and it monitors whatever is started, so all that happens
%% is recorded by one process. The VM has one scheduler: what the driver is told is in the order in which it happened, and
%% when everybody waits while the driver runs, nothing more is going to happen without it.
-module(otp_runner).
-behaviour(supervisor).
-export([main/0, start_child/2, start_child/3, init/1, worker/5]).

-define(PATIENCE, 20000).
-define(PERIOD, 3600).

main() ->
    ok = logger:set_primary_config(level, none),
    erlang:system_flag(backtrace_depth, 32),
    Port = open_port({fd, 0, 1}, [binary, eof, {line, 1 bsl 20}]),
    serve(Port).

serve(Port) ->
    receive
        {Port, {data, {eol, Line}}} ->
            {ok, Tokens, _} = erl_scan:string(binary_to_list(Line)),
            {ok, {Index, Root, Steps}} = erl_parse:parse_term(Tokens),
            Main = self(),
            spawn(fun() -> drive(Main, Index, Root, Steps) end),
            serve(Port);
        {done, Text} ->
            port_command(Port, [Text, $\n]),
            serve(Port);
        {Port, eof} ->
            halt(0)
    end.

%% The driver

drive(Main, Index, Root, Steps) ->
    process_flag(trap_exit, true),
    timer:send_after(?PATIENCE, out_of_patience),
    Trace =
        try
            run(Root, Steps)
        catch
            Class:Reason:Stack ->
                [{[], io_lib:format("~0p", [{Class, Reason, Stack}])}]
        end,
    [exit(Pid, kill) || Pid <- [get(owner) | maps:keys(get(alive))], is_pid(Pid)],
    Entries = [[<<"{\"events\":[">>, lists:join($,, [quote(E) || E <- Events]), <<"],\"result\":">>, quote(Result), $}]
               || {Events, Result} <- Trace],
    Main ! {done, io_lib:format("{\"index\":~w,\"trace\":[~s]}", [Index, lists:join($,, Entries)])}.

quote(Text) ->
    [$", [case C of $" -> "\\\""; $\\ -> "\\\\"; $\n -> "\\n"; _ -> C end || C <- lists:flatten(Text)], $"].

run({sup, RootName, _, _, _, _, _, _, _} = Root, Steps) ->
    put(root, RootName),
    put(counts, #{}),      % name => how often it was started
    put(current, #{}),     % name => {first pid, last pid}
    put(labels, #{}),      % pid => name.incarnation
    put(parents, #{}),     % pid => label of its supervisor
    put(alive, #{}),       % pid => monitor
    put(script, #{}),      % name => outcomes of its next starts
    put(hold, none),       % whose next start is held
    put(paused, none),     % {name of a supervisor that deals with nothing, pid}
    put(held, none),       % {supervisor, reference, name, label of the supervisor}
    put(calls, #{}),       % monitor => step
    put(results, #{}),     % step => text
    put(events, []),
    put(booted, false),
    Events = [perform(Number, Step, Root) || {Number, Step} <- enumerate(Steps)],
    put(hold, none),
    resume(),
    release(ok),
    settle(),
    Last = length(Steps) + 1,
    put_result(Last, tree()),
    Settled = take_events(),
    stop(RootName, shutdown),
    settle(),
    Stopped = take_events(),
    [{E, maps:get(N, get(results), "")} || {N, E} <- enumerate(Events ++ [Settled, Stopped])].

enumerate(List) -> lists:zip(lists:seq(1, length(List)), List).

perform(Number, Step, Root) ->
    case is_allowed(Step) of
        false -> put_result(Number, "skipped");
        true -> step(Number, Step, Root)
    end,
    case get(paused) of
        none -> settle(), take_events();
        _ -> []
    end.

is_allowed(Step) ->
    case get(paused) of
        none -> is_allowed_unpaused(Step);
        {Name, _} -> is_for_paused(Step, Name)
    end.

%% See isForPaused() in scenario.ts.
is_for_paused({script, _, _}, _) -> true;
is_for_paused({hold, _}, _) -> true;
is_for_paused(resume, _) -> true;
is_for_paused({'end', Scopes, _, _}, Paused) -> lists:member(Paused, Scopes);
is_for_paused({kill, Scopes, _, _}, Paused) -> lists:member(Paused, Scopes);
is_for_paused({stop, _, Name, _}, Paused) -> Name =:= Paused;
is_for_paused({call, _, Name, _}, Paused) -> Name =:= Paused;
is_for_paused(_, _) -> false.

%% While a start is held only its supervisor and that one's children can be dealt with, and not even they while the supervisor
%% is being started by another one: both would deal with what comes of it at the same time, in no order.
is_allowed_unpaused({pause, _}) -> get(held) =:= none;
is_allowed_unpaused({_, Scopes, _, _}) ->
    case get(held) of
        none -> true;
        {Holder, _, _, Label} -> lists:member(name_of(Label), Scopes) andalso not is_being_started(Holder)
    end;
is_allowed_unpaused(_) -> true.

is_being_started(Supervisor) ->
    {current_stacktrace, Stack} = process_info(Supervisor, current_stacktrace),
    maps:get(Supervisor, get(parents)) =/= "-" andalso [init_children || {supervisor, init_children, _, _} <- Stack] =/= [].

step(Number, boot, Root) ->
    case get(owner) of
        undefined ->
            Driver = self(),
            put(boot, Number),
            put(owner, spawn_link(fun() ->
                process_flag(trap_exit, true),
                Driver ! {booted, start_child(Driver, Root)},
                receive never -> ok end
            end));
        _ -> put_result(Number, "skipped")
    end;
step(_, {script, Name, Outcomes}, _) -> put(script, (get(script))#{Name => Outcomes});
step(_, {hold, Name}, _) -> put(hold, Name);
step(Number, {release, Outcome}, _) -> put_result(Number, release(Outcome));
step(Number, {pause, Name}, _) ->
    put_result(Number, with_running(Name, fun(Pid) -> erlang:suspend_process(Pid), put(paused, {Name, Pid}) end));
step(Number, resume, _) ->
    put_result(Number, resume());
step(Number, {'end', _, Name, Reason}, _) ->
    put_result(Number, with_running(Name, fun(Pid) -> Pid ! {'end', Reason}, await_down(Pid) end));
step(Number, {kill, _, Name, _}, _) ->
    put_result(Number, with_running(Name, fun(Pid) -> exit(Pid, kill), await_down(Pid) end));
step(Number, {stop, _, Name, Reason}, _) ->
    put_result(Number, stop(Name, Reason));
step(Number, {call, _, Name, Request}, _) ->
    case get(current) of
        #{Name := {_, Pid}} ->
            case request(Request) of
                absent -> put_result(Number, "absent");
                Term ->
                    Monitor = monitor(process, Pid),
                    put(calls, (get(calls))#{Monitor => {Number, Request}}),
                    Pid ! {'$gen_call', {self(), Monitor}, Term}
            end;
        _ -> put_result(Number, "absent")
    end.

with_running(Name, Act) ->
    case get(current) of
        #{Name := {_, Pid}} ->
            case get(alive) of
                #{Pid := _} -> Act(Pid), "ok";
                _ -> "gone"
            end;
        _ -> "absent"
    end.

stop(Name, Reason) ->
    with_running(Name, fun(Pid) -> Pid ! {system, {self(), stopped}, {terminate, Reason}} end).

resume() ->
    case get(paused) of
        none -> "nothing paused";
        {_, Pid} ->
            put(paused, none),
            erlang:resume_process(Pid),
            "ok"
    end.

%% In mode `held` a death has to have reached the supervisor before anything else does.
await_down(Pid) ->
    case get(alive) of
        #{Pid := _} -> handle(receive Message -> Message end), await_down(Pid);
        _ -> ok
    end.

release(Outcome) ->
    case get(held) of
        none -> "nothing held";
        {From, Ref, Name, Parent} ->
            put(held, none),
            answer(From, Ref, Name, Parent, Outcome),
            "ok"
    end.

request({start_child, Spec}) -> {start_child, spec(self(), Spec)};
request({start_instance, Name}) -> {start_child, [Name]};
request({Operation, {id, Id}}) -> {Operation, Id};
request({Operation, {Which, Name}}) ->
    case get(current) of
        #{Name := {First, Last}} -> {Operation, case Which of first_ref -> First; ref -> Last end};
        _ -> absent
    end;
request(Request) -> Request.

%% What the driver is told

handle({start, From, Ref, Name}) ->
    await_exiting(),
    Parent = maps:get(From, get(labels), "-"),
    case get(hold) =:= Name andalso get(held) =:= none of
        true ->
            put(hold, none),
            put(held, {From, Ref, Name, Parent}),
            record(["hold ", atom_to_list(Name), " ", Parent]);
        false ->
            case get(script) of
                #{Name := [Outcome | Later]} ->
                    put(script, (get(script))#{Name := Later}),
                    answer(From, Ref, Name, Parent, Outcome);
                _ -> answer(From, Ref, Name, Parent, ok)
            end
    end;
handle({up, Ref, Label, Parent, Pid}) ->
    Name = name_of(Label),
    First = case get(current) of #{Name := {One, _}} -> One; _ -> Pid end,
    put(current, (get(current))#{Name => {First, Pid}}),
    put(labels, (get(labels))#{Pid => Label}),
    put(parents, (get(parents))#{Pid => Parent}),
    put(alive, (get(alive))#{Pid => monitor(process, Pid)}),
    Pid ! {known, Ref};
handle({see_dead, From, Ref, Pid}) ->
    await_down(Pid),
    From ! {Ref, dead};
handle({booted, Result}) ->
    put(booted, true),
    put_result(get(boot), case Result of
        {ok, _} -> "ok";
        {error, {shutdown, {failed_to_start_child, _, _}} = Error} -> ["err(", start_error(Error), ")"];
        _ -> "err(stopped)"
    end);
handle({'DOWN', Monitor, process, Pid, Reason}) ->
    case get(alive) of
        #{Pid := Monitor} ->
            put(alive, maps:remove(Pid, get(alive))),
            case get(held) of
                {Pid, _, _, _} -> put(held, none);
                _ -> ok
            end,
            record(["exit ", label(Pid), " ", maps:get(Pid, get(parents)), " ", reason(Reason)]);
        _ ->
            answered(Monitor, stopped)
    end;
handle({Monitor, Reply}) when is_reference(Monitor) ->
    demonitor(Monitor, [flush]),
    answered(Monitor, {reply, Reply});
handle({stopped, _}) -> ok;
handle({'EXIT', _, _}) -> ok;
handle(out_of_patience) -> error({out_of_patience, get(held), [{label(P), process_info(P, current_stacktrace)} || P <- maps:keys(get(alive))]}).

answered(Monitor, Answer) ->
    case get(asked) =:= Monitor of
        true -> put(answer, case Answer of stopped -> unknown; {reply, Children} -> Children end);
        false -> ok
    end,
    case maps:take(Monitor, get(calls)) of
        {{Number, Request}, Calls} ->
            put(calls, Calls),
            put_result(Number, case Answer of
                stopped -> "stopped";
                {reply, Reply} -> reply(Request, Reply)
            end);
        error -> ok
    end.

answer(From, Ref, Name, Parent, Outcome) when Outcome =:= ok; Outcome =:= dies; Outcome =:= finishes ->
    Count = maps:get(Name, get(counts), 0) + 1,
    put(counts, (get(counts))#{Name => Count}),
    Label = lists:flatten(io_lib:format("~s.~w", [Name, Count])),
    record(["start ", Label, " ", Parent]),
    From ! {Ref, {Outcome, Label, Parent}};
answer(From, Ref, Name, Parent, ignore) ->
    record(["ignore ", atom_to_list(Name), " ", Parent]),
    From ! {Ref, ignore};
answer(From, Ref, Name, Parent, _) ->
    record(["error ", atom_to_list(Name), " ", Parent]),
    From ! {Ref, error}.

%% A process that is exiting has told its supervisor perhaps, but not the driver yet.
await_exiting() ->
    case lists:all(fun is_process_alive/1, maps:keys(get(alive))) of
        true -> ok;
        false -> handle(receive {'DOWN', _, process, _, _} = Message -> Message end), await_exiting()
    end.

record(Text) -> put(events, [lists:flatten(Text) | get(events)]).

take_events() ->
    Events = lists:reverse(get(events)),
    put(events, []),
    Events.

put_result(Number, Text) -> put(results, (get(results))#{Number => Text}).

%% Until nothing more is going to happen

settle() ->
    drain(),
    case get(held) =/= none orelse get(calls) =:= #{} andalso is_calm() of
        false -> erlang:yield(), settle();
        true ->
            case is_idle() of
                true -> drain();
                false -> erlang:yield(), settle()
            end
    end.

drain() ->
    receive Message -> handle(Message), drain() after 0 -> ok end.

%% Whether everybody waits, and for nothing that will come by itself. Exits that are not known yet are under way.
is_idle() ->
    Known = maps:keys(get(alive)) ++ [Pid || Pid <- [get(owner)], Pid =/= undefined],
    Held = case get(held) of none -> []; {Holder, _, _, _} -> line(Holder) end,
    lists:all(fun(Pid) -> is_waiting(Pid, [self() | Known], Held) end, Known)
        andalso process_info(self(), message_queue_len) =:= {message_queue_len, 0}.

%% A process that waits in any other module waits for a server of the VM: the first use of a module waits for the code server.
%% A supervisor's link to an unknown process is a child that has not been heard of yet. A supervisor that stops a child waits in
%% its own module and monitors the child. It waits as long as the start that is held if the child waits for that start.
is_waiting(Pid, Known, Held) ->
    case process_info(Pid, [status, current_function, links, monitors]) of
        [{status, waiting}, {current_function, {Module, _, _}}, {links, Links}, {monitors, Monitors}] ->
            lists:member(Module, [gen_server, supervisor, proc_lib, ?MODULE])
                andalso Links -- Known =:= []
                andalso (Module =/= supervisor orelse lists:any(fun({process, Child}) -> lists:member(Child, Held) end, Monitors));
        _ -> false
    end.

%% A process and the supervisors above it.
line(Pid) ->
    Parent = maps:get(Pid, get(parents), none),
    [Pid | lists:append([line(Above) || {Above, Label} <- maps:to_list(get(labels)), Label =:= Parent])].

%% Whether all supervisors are free and none has a restart to try again. A supervisor answers after all it had to do before.
is_calm() ->
    Root = get(root),
    case get(current) of
        #{Root := {_, Pid}} -> not is_map_key(Pid, get(alive)) orelse is_calm(Pid);
        _ -> get(owner) =:= undefined orelse get(booted)
    end.

is_calm(Supervisor) ->
    case ask(Supervisor) of
        unknown -> false;
        Children ->
            lists:all(fun({_, Child, Type, _}) ->
                case Child of
                    restarting -> false;
                    undefined -> true;
                    _ when Type =:= supervisor -> is_calm(Child);
                    _ -> is_map_key(Child, get(alive))
                end
            end, Children)
    end.

ask(Supervisor) ->
    Monitor = monitor(process, Supervisor),
    put(asked, Monitor),
    put(answer, none),
    Supervisor ! {'$gen_call', {self(), Monitor}, which_children},
    await_answer().

await_answer() ->
    case {get(answer), get(held)} of
        {none, none} -> handle(receive Message -> Message end), await_answer();
        {none, _} -> unknown;
        {Answer, _} -> Answer
    end.

%% The final tree

tree() ->
    Root = get(root),
    case get(current) of
        #{Root := {_, Pid}} when is_pid(Pid) ->
            case is_map_key(Pid, get(alive)) of
                true -> tree(Pid);
                false -> "-"
            end;
        _ -> "-"
    end.

tree(Supervisor) ->
    Children = ask(Supervisor),
    Nested = [["; ", tree(Pid)] || {_, Pid, supervisor, _} <- lists:reverse(Children), is_pid(Pid)],
    [label(Supervisor), ": ", which(Children), Nested].

%% What is compared, as text

reply(_, ok) -> "ok";
reply(_, {ok, undefined}) -> "ok(undefined)";
reply(_, {ok, Pid}) when is_pid(Pid) -> ["ok(", label(Pid), ")"];
reply(_, {ok, #{id := Id} = Spec}) ->
    io_lib:format("ok(~w ~w ~w ~w ~w)", [Id | [maps:get(Key, Spec) || Key <- [restart, shutdown, type, significant]]]);
reply(which_children, Children) -> which(Children);
reply(count_children, Counts) -> lists:join(" ", [io_lib:format("~w ~w", [Key, Count]) || {Key, Count} <- Counts]);
reply(_, {error, {already_started, Pid}}) -> ["err(already_started ", label(Pid), ")"];
reply(_, {error, {bad_combination, _}}) -> "err(bad_combination)";
reply({start_child, _}, {error, {Error, Child}}) when element(1, Child) =:= child -> ["err(failed: ", start_error(Error), ")"];
reply(_, {error, Refusal}) when Refusal =:= already_present; Refusal =:= running; Refusal =:= restarting;
                                Refusal =:= not_found; Refusal =:= simple_one_for_one -> ["err(", atom_to_list(Refusal), ")"];
reply(_, {error, Error}) -> ["err(failed: ", start_error(Error), ")"].

%% The order of dynamic children is undefined.
which([{undefined, _, _, _} | _] = Children) ->
    lists:join(" ", lists:sort([lists:flatten(child(Child)) || Child <- Children]));
which(Children) -> lists:join(" ", [child(Child) || Child <- Children]).

child({Id, Child, Type, _}) ->
    [case Id of undefined -> ""; _ -> [atom_to_list(Id), "="] end,
     case Child of
         restarting -> "restarting";
         undefined -> "stopped";
         Pid ->
             case is_map_key(Pid, get(alive)) of
                 true -> label(Pid);
                 false -> "dead"
             end
     end,
     case Type of supervisor -> "/supervisor"; worker -> "" end].

start_error({shutdown, {failed_to_start_child, _, _} = Error}) -> start_error(Error);
start_error({failed_to_start_child, Id, Error}) -> ["failed(", atom_to_list(Id), ": ", start_error(Error), ")"];
start_error(Error) -> reason(Error).

reason({shutdown, {failed_to_start_child, _, _} = Error}) -> ["shutdown(", start_error(Error), ")"];
reason({shutdown, Detail}) -> io_lib:format("shutdown(~0p)", [Detail]);
reason(Reason) -> io_lib:format("~0p", [Reason]).

label(Pid) -> maps:get(Pid, get(labels), "?").

name_of(Label) -> list_to_existing_atom(hd(string:split(Label, "."))).

%% What runs under supervision. The specifications are those of encode.ts.

spec(Driver, {sup, Name, Restart, Shutdown, Significant, _, _, _, _} = Node) ->
    spec(Driver, Node, Name, Restart, Shutdown, Significant, supervisor);
spec(Driver, {worker, Name, Restart, Shutdown, Significant, _} = Node) ->
    spec(Driver, Node, Name, Restart, Shutdown, Significant, worker).

spec(Driver, Node, Name, Restart, Shutdown, Significant, Type) ->
    Spec = #{id => Name, start => {?MODULE, start_child, [Driver, Node]}, restart => Restart, significant => Significant, type => Type},
    case Shutdown of
        default -> Spec;
        _ -> Spec#{shutdown => Shutdown}
    end.

%% Called by the supervisor; `Name`: of a dynamic child.
start_child(Driver, Node) -> start_child(Driver, Node, element(2, Node)).
start_child(Driver, Node, Name) ->
    Ref = make_ref(),
    Driver ! {start, self(), Ref, Name},
    receive
        {Ref, {Outcome, Label, Parent}} -> start_actor(Driver, Label, Parent, Node, Outcome);
        {Ref, error} -> {error, boom};
        {Ref, ignore} -> ignore
    end.

start_actor(Driver, Label, Parent, Node, _) when element(1, Node) =:= sup ->
    supervisor:start_link(?MODULE, {Driver, Label, Parent, Node});
start_actor(Driver, Label, Parent, {worker, _, _, _, _, Asked}, Outcome) ->
    Pid = spawn_link(?MODULE, worker, [Driver, Label, Parent, self(), Asked]),
    receive {ready, Pid} -> ok end,
    case Outcome of
        ok -> ok;
        dies -> see_dead(Driver, Pid, boom);
        finishes -> see_dead(Driver, Pid, normal)
    end,
    {ok, Pid}.

%% The driver has recorded the death before the start function returns.
see_dead(Driver, Pid, Reason) ->
    Ref = make_ref(),
    Driver ! {see_dead, self(), Ref, Pid},
    Pid ! {'end', Reason},
    receive {Ref, dead} -> ok end.

present(Driver, Label, Parent) ->
    Ref = make_ref(),
    Driver ! {up, Ref, Label, Parent, self()},
    receive {known, Ref} -> ok end.

init({Driver, Label, Parent, {sup, _, _, _, _, Strategy, Intensity, AutoShutdown, Children}}) ->
    present(Driver, Label, Parent),
    Flags = #{strategy => Strategy, intensity => Intensity, period => ?PERIOD, auto_shutdown => AutoShutdown},
    {ok, {Flags, [spec(Driver, Child) || Child <- Children]}}.

worker(Driver, Label, ParentLabel, Parent, Asked) ->
    process_flag(trap_exit, Asked =/= deaf),
    present(Driver, Label, ParentLabel),
    Parent ! {ready, self()},
    work(Parent, Asked).

work(Parent, Asked) ->
    receive
        {'end', Reason} -> exit(Reason);
        {'EXIT', Parent, shutdown} when Asked =:= ignore -> work(Parent, Asked);
        {'EXIT', Parent, shutdown} when Asked =/= obey -> exit(Asked);
        {'EXIT', Parent, Reason} -> exit(Reason)
    end.
