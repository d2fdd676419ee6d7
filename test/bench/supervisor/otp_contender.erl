%% The contender from Erlang/OTP. One trial in each VM:
%%   erl -noshell -run otp_contender main SCENARIO CHILDREN OPERATIONS WARMUPS DURATION
%% prints the medians as JSON in one line. Scenarios are those of trial.ts.
-module(otp_contender).
%% Both a supervisor's and a server's module, which cannot be said of one init/1.
-behaviour(gen_server).
-export([main/1, start_counter/0, start_counter/2]).
-export([init/1, handle_call/3, handle_cast/2]).

main([Scenario | Numbers]) ->
    %% Whoever waits for the result holds the other end, so the VM does not outlive the bench.
    spawn(fun() -> eof = io:get_line(""), halt(1) end),
    %% Reports of crashes are formatted text, which no other contender writes.
    ok = logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    [Children, Operations, Warmups, Duration] = [list_to_integer(Number) || Number <- Numbers],
    Run = fun() -> scenario(list_to_existing_atom(Scenario), Children, Operations) end,
    [Run() || _ <- lists:seq(1, Warmups)],
    print(medians(repeat(Run, erlang:monotonic_time(millisecond) + Duration))),
    halt(0).

repeat(Run, End) ->
    Sample = Run(),
    case erlang:monotonic_time(millisecond) < End of
        true -> [Sample | repeat(Run, End)];
        false -> [Sample]
    end.

%% Children

start_counter() -> gen_server:start_link(?MODULE, counter, []).
start_counter(Id, Watcher) -> gen_server:start_link(?MODULE, {counter, Id, Watcher}, []).

init({supervisor, Flags, Specs}) ->
    {ok, {Flags#{intensity => 1000000000, period => 3600}, Specs}};
init(counter) ->
    {ok, 0};
init({counter, Id, Watcher}) ->
    Watcher ! {up, Id, self()},
    {ok, 0}.

handle_call(count, _From, Count) -> {reply, Count, Count}.
handle_cast(count, Count) -> {noreply, Count + 1}.

%% Supervisors

open_dynamic() ->
    Template = #{id => counter, start => {?MODULE, start_counter, []}},
    {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, #{strategy => simple_one_for_one}, [Template]}),
    Supervisor.

open_static(Strategy, Children) ->
    Specs = [#{id => Id, start => {?MODULE, start_counter, [Id, self()]}} || Id <- lists:seq(0, Children - 1)],
    {ok, Supervisor} = supervisor:start_link(?MODULE, {supervisor, #{strategy => Strategy}, Specs}),
    {Supervisor, await_up(Children)}.

start_all(_Supervisor, 0) -> ok;
start_all(Supervisor, Children) ->
    {ok, _} = supervisor:start_child(Supervisor, []),
    start_all(Supervisor, Children - 1).

await_up(Children) -> [receive {up, Id, Pid} -> {Id, Pid} end || _ <- lists:seq(1, Children)].

close(Supervisor) ->
    Monitor = monitor(process, Supervisor),
    exit(Supervisor, shutdown),
    receive {'DOWN', Monitor, process, _, _} -> ok end,
    receive {'EXIT', Supervisor, _} -> ok end.

%% Scenarios

scenario(start, Children, _) ->
    Supervisor = open_dynamic(),
    collect_garbage(),
    {_, Time} = timed(fun() -> start_all(Supervisor, Children) end),
    close(Supervisor),
    #{'children/s' => Children / Time * 1.0e9};
scenario(stop, Children, _) ->
    Supervisor = open_dynamic(),
    start_all(Supervisor, Children),
    collect_garbage(),
    {_, Time} = timed(fun() -> close(Supervisor) end),
    #{ms => Time / 1.0e6};
scenario(restarts, Children, Operations) ->
    {Supervisor, Up} = open_static(one_for_one, Children),
    collect_garbage(),
    {Latencies, Time} = timed(fun() -> restart(Operations, 0, maps:from_list(Up), []) end),
    close(Supervisor),
    #{'restarts/s' => Operations / Time * 1.0e9, p50 => median(Latencies) / 1.0e3};
scenario(storm, Children, _) ->
    {Supervisor, Up} = open_static(one_for_one, Children),
    collect_garbage(),
    {_, Time} = timed(fun() ->
        [exit(Pid, kill) || {_, Pid} <- Up],
        await_up(Children)
    end),
    close(Supervisor),
    #{ms => Time / 1.0e6};
scenario(group, Children, _) ->
    {Supervisor, [{0, First} | _]} = open_static(one_for_all, Children),
    collect_garbage(),
    {_, Time} = timed(fun() ->
        exit(First, kill),
        await_up(Children)
    end),
    close(Supervisor),
    #{ms => Time / 1.0e6};
scenario(memory, Children, _) ->
    Supervisor = open_dynamic(),
    collect_garbage(),
    Before = erlang:memory(processes_used),
    start_all(Supervisor, Children),
    collect_garbage(),
    Bytes = (erlang:memory(processes_used) - Before) / Children,
    close(Supervisor),
    #{bytes => Bytes}.

restart(0, _, _, Latencies) -> Latencies;
restart(Operations, Id, Pids, Latencies) ->
    {Pid, Time} = timed(fun() ->
        exit(maps:get(Id, Pids), kill),
        receive {up, Id, Restarted} -> Restarted end
    end),
    restart(Operations - 1, (Id + 1) rem map_size(Pids), Pids#{Id := Pid}, [Time | Latencies]).

%% Figures

timed(Fun) ->
    Begun = erlang:monotonic_time(nanosecond),
    Result = Fun(),
    {Result, erlang:monotonic_time(nanosecond) - Begun}.

collect_garbage() -> lists:foreach(fun erlang:garbage_collect/1, processes()).

median(Values) -> lists:nth((length(Values) + 1) div 2, lists:sort(Values)).

medians(Samples) ->
    maps:map(fun(Name, _) -> median([maps:get(Name, Sample) || Sample <- Samples]) end, hd(Samples)).

print(Sample) ->
    Members = [io_lib:format("\"~s\":~.6f", [Name, float(Value)]) || {Name, Value} <- maps:to_list(Sample)],
    io:format("{~s}~n", [lists:join(",", Members)]).
